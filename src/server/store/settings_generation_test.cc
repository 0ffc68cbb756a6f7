#include "server/store/settings_generation.h"

#include "server/store/test_dataset.h"
#include "tests/support/both_databases.h"

namespace attune::store {
namespace {

constexpr const char* kAheadOfTheClock =
    "UPDATE settings_generation SET number = 9000000000000000";

class SettingsGenerationTest : public testing::BothDatabases {
 protected:
  Status run(const std::string& sql) {
    return database().write([&](Connection& c) { return c.run_script(sql); });
  }
  // How much the number grows by, as another server on the data base sees it.
  int64_t growth(const std::string& sql) {
    const int64_t before = settings_generation(*other_).value();
    const Status done = run(sql);
    EXPECT_TRUE(done.ok()) << sql << ": " << done.error().message();
    return settings_generation(*other_).value() - before;
  }
  void SetUp() override {
    BothDatabases::SetUp();
    if (IsSkipped()) return;
    other_ = open_again();
    ASSERT_TRUE(run(R"sql(
INSERT INTO users (id, username, first_name, role, inserted_at, updated_at)
  VALUES ('u', 'u', 'u', 'annotator', 't', 't'), ('v', 'v', 'v', 'annotator', 't', 't');
INSERT INTO api_keys (id, user_id, hash, prefix, name, scope, inserted_at)
  VALUES ('k', 'u', 'h', 'p', 'n', 'write', 't');
INSERT INTO sessions VALUES ('h', 'u', 'c', 'cookie', 't', 't');
INSERT INTO workspaces VALUES ('w', 'w', 't', 't');
INSERT INTO workspace_users VALUES ('w', 'u', 't');
INSERT INTO datasets (id, name, workspace_id, allow_extra_metadata, published, min_submitted,
  discards_complete, last_activity_at, inserted_at, updated_at)
  VALUES ('d', 'd', 'w', 1, 1, 1, 0, 't', 't', 't');
INSERT INTO fields (id, dataset_id, name, title, required, settings, inserted_at, updated_at)
  VALUES ('f', 'd', 'f', 'f', 1, '{}', 't', 't');
INSERT INTO questions (id, dataset_id, name, title, required, settings, inserted_at, updated_at)
  VALUES ('q', 'd', 'q', 'q', 1, '{}', 't', 't');
INSERT INTO metadata_properties (id, dataset_id, name, title, visible_for_annotators, settings,
  inserted_at, updated_at) VALUES ('m', 'd', 'm', 'm', 1, '{}', 't', 't');
INSERT INTO vectors_settings (id, dataset_id, name, title, dimensions, inserted_at, updated_at)
  VALUES ('v', 'd', 'v', 'v', 2, 't', 't');
INSERT INTO guideline_versions (dataset, version, text, at) VALUES (1, 1, 'x', 't');
INSERT INTO assignment_rules (dataset, rules, updated_at)
  SELECT position, '{}', 't' FROM datasets;
INSERT INTO webhooks (id, url, secret, events, enabled, inserted_at, updated_at)
  VALUES ('h', 'u', 's', '[]', 1, 't', 't');
)sql")
                    .ok());
  }

  std::unique_ptr<Database> other_;
};

TEST_P(SettingsGenerationTest, GrowsWithEachChangeOfWhatIsKept) {
  for (const char* sql : {
           "UPDATE users SET role = 'admin' WHERE id = 'u'",
           "INSERT INTO users (id, username, first_name, role, inserted_at, updated_at) VALUES "
           "('n', 'n', 'n', 'owner', 't', 't')",
           "UPDATE api_keys SET scope = 'read'",
           "UPDATE api_keys SET expires_at = 't'",
           "DELETE FROM api_keys",
           "UPDATE sessions SET expires_at = 'u'",
           "DELETE FROM sessions",
           "INSERT INTO workspace_users VALUES ('w', 'v', 't')",
           "UPDATE workspace_users SET user_id = 'v' WHERE user_id = 'v'",
           "DELETE FROM workspace_users WHERE user_id = 'v'",
           "UPDATE datasets SET min_submitted = 2",
           "UPDATE datasets SET guidelines = 'x'",
           "UPDATE datasets SET overlap_max = 2, agreement_min = 0.5",
           "UPDATE fields SET title = 'x'",
           "UPDATE questions SET settings = '[]'",
           "UPDATE metadata_properties SET title = 'x'",
           "UPDATE vectors_settings SET title = 'x'",
           "INSERT INTO guideline_versions (dataset, version, text, at) VALUES (1, 2, 'y', 't')",
           "UPDATE guideline_versions SET text = '' WHERE version = 1",
           "UPDATE assignment_rules SET rules = '[]'",
           "UPDATE webhooks SET enabled = 0",
           "DELETE FROM webhooks",
       }) {
    EXPECT_GT(growth(sql), 0) << sql;
  }
}

// TRUNCATE calls no triggers of rows.
TEST_P(SettingsGenerationTest, GrowsWhenATableIsEmptiedAtOnce) {
  if (on_sqlite()) GTEST_SKIP() << "SQLite has no TRUNCATE";
  for (const char* table : {"api_keys", "sessions", "workspace_users", "users CASCADE"}) {
    EXPECT_GT(growth(fmt::format("TRUNCATE {}", table)), 0) << table;
  }
}

// A replica took over that lacks the last commits, or a backup was restored under running servers.
TEST_P(SettingsGenerationTest, ANumberOfLostCommitsDoesNotComeBack) {
  ASSERT_TRUE(run("UPDATE settings_generation SET number = 97").ok());
  const int64_t microseconds_until_2020 = 1'577'836'800'000'000;
  EXPECT_GT(growth("UPDATE webhooks SET enabled = 0"), microseconds_until_2020);
}

// Rows that go because another one does. The number is ahead of the clock: each counts as one.
TEST_P(SettingsGenerationTest, GrowsWithWhatADeletedRowTakesAlong) {
  ASSERT_TRUE(run(kAheadOfTheClock).ok());
  // The user, a key, a session and a membership.
  EXPECT_EQ(growth("DELETE FROM users WHERE id = 'u'"), 4);
  // The data set, a field, a question, a property, a vector and rules.
  EXPECT_EQ(growth("DELETE FROM datasets"), 6);
}

TEST_P(SettingsGenerationTest, StandsWhileOthersWork) {
  for (const char* sql : {
           "UPDATE api_keys SET last_used_at = 't'",
           "INSERT INTO sessions VALUES ('i', 'u', 'c', 'cookie', 't', 't')",
           "UPDATE datasets SET last_activity_at = 'u'",
           "UPDATE datasets SET record_count = 7",
           "INSERT INTO responses VALUES ('r', 1, 1, 'u', 'submitted', '{}', 't', 't')",
           "DELETE FROM users WHERE id = 'nobody'",
       }) {
    EXPECT_EQ(growth(sql), 0) << sql;
  }
}

TEST_P(SettingsGenerationTest, AWriteSeesItsOwnChangeAndOthersOnlyWhatWasCommitted) {
  ASSERT_TRUE(run(kAheadOfTheClock).ok());
  const int64_t before = settings_generation(database()).value();
  const Status refused = database().write([&](Connection& c) -> Status {
    TRY(c.run("DELETE FROM webhooks"));
    EXPECT_EQ(TRY(settings_generation(c)), before + 1);
    EXPECT_EQ(settings_generation(*other_).value(), before);
    return invalid_input("taken back");
  });
  EXPECT_EQ(refused.error().message(), "taken back");
  EXPECT_EQ(settings_generation(database()).value(), before);
}

INSTANTIATE_BOTH_DATABASES(SettingsGenerationTest);

TEST(KeptSettings, AreOfOneGenerationTheNewest) {
  KeptSettings<std::string, int> kept(2);
  EXPECT_EQ(kept.find(0, "a"), nullptr);
  kept.keep(5, "a", std::make_shared<int>(1));
  EXPECT_EQ(*kept.find(5, "a"), 1);
  EXPECT_EQ(kept.find(6, "a"), nullptr);
  EXPECT_EQ(kept.find(4, "a"), nullptr);
  kept.keep(4, "b", std::make_shared<int>(2));  // of a snapshot from before
  EXPECT_EQ(kept.find(5, "b"), nullptr);
  EXPECT_EQ(kept.find(4, "b"), nullptr);
  kept.keep(6, "b", std::make_shared<int>(3));
  EXPECT_EQ(kept.find(5, "a"), nullptr);
  EXPECT_EQ(kept.find(6, "a"), nullptr);
  EXPECT_EQ(*kept.find(6, "b"), 3);
}

TEST(KeptSettings, AreBounded) {
  KeptSettings<int, int> kept(2);
  for (int i = 0; i < 5; ++i) kept.keep(1, i, std::make_shared<int>(i));
  EXPECT_EQ(*kept.find(1, 4), 4);
  int held = 0;
  for (int i = 0; i < 5; ++i) held += kept.find(1, i) != nullptr ? 1 : 0;
  EXPECT_LE(held, 2);
}

}  // namespace
}  // namespace attune::store
