#include "server/store/migrations.h"

#include <cctype>
#include <map>
#include <thread>

#include "tests/support/both_databases.h"

namespace attune::store {
namespace {

// What the next version may do: a table, a column, rows moved.
constexpr const char* kNext = R"sql(
CREATE TABLE added (position {serial}, name TEXT NOT NULL, picture {bytes});
ALTER TABLE users ADD COLUMN nickname TEXT;
UPDATE users SET nickname = upper(username);  -- for all; that are there
)sql";

class MigrationsTest : public testing::BothDatabases {
 protected:
  Status run(const std::string& sql) {
    return database().write([&](Connection& c) { return c.run_script(sql); });
  }
  std::string refusal() const { return Database::open({.url = url()}).error().message(); }

  // The columns of every table of ours but those of the text index and the one number that counts
  // changes of others.
  Rows columns(Connection& c) const {
    const char* sql =
        on_sqlite()
            ? "SELECT m.name, c.name, c.type FROM sqlite_master m, pragma_table_info(m.name) c "
              "WHERE m.type = 'table' AND m.name NOT LIKE 'record_text%' AND m.name NOT LIKE "
              "'sqlite%' AND m.name NOT IN ('schema_versions', 'record_words', "
              "'settings_generation') "
              "ORDER BY m.name, c.cid"
            : "SELECT table_name::text, column_name::text, data_type::text FROM "
              "information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE "
              "'record_text%' AND table_name NOT IN ('schema_versions', 'settings_generation') "
              "ORDER BY table_name, ordinal_position";
    return c.run(sql).value();
  }
  std::map<std::string, std::vector<std::string>> tables(Connection& c) const {
    std::map<std::string, std::vector<std::string>> found;
    for (const Row& row : columns(c)) found[row.text(0)].push_back(row.text(1));
    return found;
  }
};

// A row with a value in every column. Ids that name other rows are all "x": the foreign keys hold.
void fill_every_table(Connection& c, const Rows& columns) {
  std::map<std::string, std::pair<std::string, std::string>> inserts;
  for (const Row& row : columns) {
    std::string type = row.text(2);
    for (char& letter : type) letter = static_cast<char>(std::tolower(letter));
    const std::string value = type == "blob"    ? "x'00ff'"
                              : type == "bytea" ? "'\\x00ff'"
                              : type == "text"  ? "'x'"
                                                : "7";
    auto& [names, values] = inserts[row.text(0)];
    names += (names.empty() ? "" : ", ") + row.text(1);
    values += (values.empty() ? "" : ", ") + value;
  }
  const auto insert = [&](const std::string& table) {
    const auto found = inserts.extract(table);
    ASSERT_FALSE(found.empty()) << table;
    const auto& [names, values] = found.mapped();
    c.run(fmt::format("INSERT INTO {} ({}) VALUES ({})", table, names, values)).value();
  };
  for (const char* first : {"users", "workspaces", "datasets", "projects", "snapshots"}) {
    if (inserts.contains(first)) insert(first);
  }
  while (!inserts.empty()) insert(inserts.begin()->first);
}

TEST_P(MigrationsTest, EveryReleasedSchemaComesToTheNewestWithAllRows) {
  std::vector<SchemaVersion> versions(schema_versions().begin(), schema_versions().end());
  const size_t released = versions.size();
  versions.push_back({static_cast<int>(released) + 1, kNext});
  for (size_t from = 1; from <= released; ++from) {
    SCOPED_TRACE(from);
    const auto connection = connect(new_url());
    ASSERT_TRUE(migrate(*connection, std::span(versions).first(from)).ok());
    fill_every_table(*connection, columns(*connection));
    const auto before = tables(*connection);
    ASSERT_GE(before.size(), 20U);
    const Status upgraded = migrate(*connection, versions);
    ASSERT_TRUE(upgraded.ok()) << upgraded.error().message();
    for (const auto& [table, names] : before) {
      const Rows rows = connection->run(fmt::format("SELECT * FROM {}", table)).value();
      ASSERT_EQ(rows.size(), 1U) << table;
      EXPECT_GE(rows[0].size(), names.size()) << table;
    }
    EXPECT_EQ(connection->run("SELECT nickname FROM users").value()[0].text(0), "X");
    EXPECT_TRUE(migrate(*connection, versions).ok());  // nothing left to do
  }
}

TEST_P(MigrationsTest, AFailingVersionLeavesThingsAsTheyWere) {
  const auto connection = connect(new_url());
  std::vector<SchemaVersion> versions(schema_versions().begin(), schema_versions().end());
  ASSERT_TRUE(migrate(*connection, versions).ok());
  const auto before = tables(*connection);
  const int next = static_cast<int>(versions.size()) + 1;
  versions.push_back({next, "CREATE TABLE added (id BIGINT); SELECT * FROM nowhere"});
  EXPECT_EQ(migrate(*connection, versions).error().code(), ErrorCode::kInternal);
  EXPECT_EQ(tables(*connection), before);
  versions.back().sql = kNext;
  EXPECT_TRUE(migrate(*connection, versions).ok());
}

TEST_P(MigrationsTest, ServersThatStartAtOnceMakeOneSchema) {
  for (int round = 0; round < 3; ++round) {
    const std::string url = new_url();
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        const auto opened = Database::open({.url = url, .readers = 1, .writers = 1});
        EXPECT_TRUE(opened.ok()) << opened.error().message();
      });
    }
  }
}

TEST_P(MigrationsTest, ANewerProgramsDataIsRefused) {
  ASSERT_TRUE(run("INSERT INTO schema_versions VALUES (1000, 'x')").ok());
  EXPECT_NE(refusal().find("a newer attune made it"), std::string::npos) << refusal();
}

TEST_P(MigrationsTest, AChangedTextIsRefused) {
  ASSERT_TRUE(run("UPDATE schema_versions SET checksum = 'x' WHERE version = 1").ok());
  EXPECT_NE(refusal().find("another checksum"), std::string::npos) << refusal();
}

TEST_P(MigrationsTest, TablesOfSomebodyElseAreRefused) {
  ASSERT_TRUE(run("DROP TABLE schema_versions").ok());
  EXPECT_NE(refusal().find("tables of another program"), std::string::npos) << refusal();
}

INSTANTIATE_BOTH_DATABASES(MigrationsTest);

}  // namespace
}  // namespace attune::store
