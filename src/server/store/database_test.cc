#include "server/store/database.h"

#include <atomic>
#include <cstdlib>
#include <latch>
#include <stdexcept>
#include <thread>

#include "tests/support/both_databases.h"

namespace attune::store {
namespace {

class DatabaseTest : public testing::BothDatabases {
 protected:
  void SetUp() override {
    BothDatabases::SetUp();
    if (IsSkipped()) return;
    ASSERT_TRUE(write("CREATE TABLE things (id BIGINT PRIMARY KEY, name TEXT UNIQUE, size DOUBLE "
                      "PRECISION, small INTEGER)")
                    .ok());
  }

  Status write(std::string_view sql, std::vector<Value> values = {}) {
    return database().write([&](Connection& c) -> Status {
      TRY(c.run(sql, values));
      return {};
    });
  }
  Status add(int64_t id, const std::string& name) {
    return write("INSERT INTO things (id, name) VALUES ($1, $2)", {id, name});
  }
  Result<Rows> read(std::string_view sql, std::vector<Value> values = {}) {
    return read_from(database(), sql, values);
  }
  static Result<Rows> read_from(Database& db, std::string_view sql,
                                std::vector<Value> values = {}) {
    return db.read([&](Connection& c) { return c.run(sql, values); });
  }
  int64_t count() { return read("SELECT count(*) FROM things").value()[0].integer(0); }
};

TEST_P(DatabaseTest, ValuesComeBackAsTheyWere) {
  const Bytes bytes = {std::byte{0}, std::byte{255}, std::byte{10}};
  ASSERT_TRUE(write(on_sqlite() ? "CREATE TABLE all_kinds (i BIGINT, d DOUBLE PRECISION, t TEXT, "
                                  "b BLOB, n TEXT)"
                                : "CREATE TABLE all_kinds (i BIGINT, d DOUBLE PRECISION, t TEXT, "
                                  "b BYTEA, n TEXT)")
                  .ok());
  const std::string text = "it's \"ça\" \xF0\x9F\x98\x80 $1 \\ ;--";
  for (const int64_t i : {int64_t{0}, int64_t{-1}, INT64_MAX, INT64_MIN}) {
    ASSERT_TRUE(write("DELETE FROM all_kinds").ok());
    ASSERT_TRUE(write("INSERT INTO all_kinds VALUES ($1, $2, $3, $4, $5)",
                      {i, 0.1 + 0.2, text, bytes, nullptr})
                    .ok());
    const Rows rows = read("SELECT i, d, t, b, n FROM all_kinds").value();
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].integer(0), i);
    EXPECT_EQ(rows[0].real(1), 0.1 + 0.2);
    EXPECT_EQ(rows[0].text(2), text);
    EXPECT_EQ(rows[0].bytes(3), bytes);
    EXPECT_TRUE(rows[0].is_null(4));
    EXPECT_EQ(rows[0].text_or_null(4), std::nullopt);
  }
  ASSERT_TRUE(write("UPDATE all_kinds SET t = $2, b = $1", {Bytes{}, ""}).ok());
  const Rows empty = read("SELECT t, b FROM all_kinds").value();
  EXPECT_EQ(empty[0].text(0), "");
  EXPECT_TRUE(empty[0].bytes(1).empty());
}

TEST_P(DatabaseTest, ExpressionsHaveTheSameTypesOnBoth) {
  for (int64_t id = 1; id <= 4; ++id) {
    ASSERT_TRUE(write("INSERT INTO things VALUES ($1, $2, $3, $1)",
                      {id, std::to_string(id), 0.5 * static_cast<double>(id)})
                    .ok());
  }
  const Rows rows =
      read("SELECT count(*), sum(id), sum(size), max(small), id IN ($1, $2), "
           "EXISTS (SELECT 1 FROM things WHERE id = $3), coalesce(max(name), $4), sum(small) "
           "FROM things WHERE id >= $1 GROUP BY id IN ($1, $2) ORDER BY 1",
           {int64_t{2}, int64_t{3}, int64_t{9}, "none"})
          .value();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[1].integer(0), 2);
  EXPECT_EQ(rows[1].integer(1), 5);
  EXPECT_EQ(rows[1].real(2), 2.5);
  EXPECT_EQ(rows[1].integer(3), 3);
  EXPECT_TRUE(rows[1].boolean(4));
  EXPECT_FALSE(rows[1].boolean(5));
  EXPECT_EQ(rows[1].text(6), "3");
  EXPECT_EQ(rows[1].integer(7), 5);
  EXPECT_EQ(read("SELECT id FROM things ORDER BY id LIMIT $2 OFFSET $1", {int64_t{1}, int64_t{2}})
                .value()[0]
                .integer(0),
            2);
}

TEST_P(DatabaseTest, TextIsOrderedByItsBytes) {
  for (const char* name : {"b", "a", "B", "_", "é", "a-b", "ab"}) {
    ASSERT_TRUE(write("INSERT INTO workspaces VALUES ($1, $1, $2, $2)", {name, "now"}).ok());
  }
  std::string order;
  for (const Row& row : read("SELECT name FROM workspaces ORDER BY name").value()) {
    order += row.text(0) + " ";
  }
  EXPECT_EQ(order, "B _ a a-b ab b é ");
}

TEST_P(DatabaseTest, ErrorsSayWhatTheyAre) {
  ASSERT_TRUE(add(1, "one").ok());
  EXPECT_EQ(add(2, "one").error().code(), ErrorCode::kConflict);
  EXPECT_EQ(write("INSERT INTO workspace_users (workspace_id, user_id, inserted_at) VALUES "
                  "('nowhere', 'nobody', 't')")
                .error()
                .code(),
            ErrorCode::kConflict);
  EXPECT_EQ(write("INSERT INTO nowhere VALUES (1)").error().code(), ErrorCode::kInternal);
  EXPECT_EQ(add(3, std::string("a\0b", 3)).error().code(), ErrorCode::kInvalidInput);
  EXPECT_EQ(read("DELETE FROM things RETURNING id").ok(), false);
  EXPECT_EQ(count(), 1);
}

TEST_P(DatabaseTest, AFailedWriteTakesBackItsOwnWorkAlone) {
  ASSERT_TRUE(add(1, "one").ok());
  const Status failed = database().write([&](Connection& c) -> Status {
    TRY(c.run("INSERT INTO things (id) VALUES (2)"));
    return invalid_input("on second thoughts");
  });
  EXPECT_EQ(failed.error().message(), "on second thoughts");
  EXPECT_THROW((void)database().write([&](Connection& c) -> Status {
    TRY(c.run("INSERT INTO things (id) VALUES (3)"));
    throw std::runtime_error("thrown");
  }),
               std::runtime_error);
  // A failed statement that the closure overlooks.
  const Status overlooked = database().write([&](Connection& c) -> Status {
    (void)c.run("INSERT INTO things (id) VALUES (4)");
    (void)c.run("INSERT INTO things (id) VALUES (1)");
    return {};
  });
  EXPECT_EQ(overlooked.error().code(), ErrorCode::kInternal);
  EXPECT_EQ(count(), 1);
  EXPECT_TRUE(add(5, "five").ok());
}

TEST_P(DatabaseTest, ConcurrentWritesAllArriveAndFailAlone) {
  constexpr int kThreads = 8, kEach = 50;
  std::atomic<int> stored = 0, refused = 0;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < kEach; ++i) {
          // Every second one takes the name of its neighbour's.
          const int64_t id = thread * kEach + i;
          const Status status = add(id, fmt::format("name {}", id / 2));
          ++(status.ok() ? stored : refused);
          EXPECT_TRUE(status.ok() || status.error().code() == ErrorCode::kConflict);
          const Rows seen = read("SELECT count(*) FROM things WHERE id = $1", {id}).value();
          EXPECT_EQ(seen[0].integer(0), status.ok() ? 1 : 0);
        }
      });
    }
  }
  EXPECT_EQ(stored, kThreads * kEach / 2);
  EXPECT_EQ(refused, kThreads * kEach / 2);
  EXPECT_EQ(count(), kThreads * kEach / 2);
}

// Reading, deciding and writing: nobody else comes between.
TEST_P(DatabaseTest, AWriteIsAloneWithWhatItRead) {
  ASSERT_TRUE(write("INSERT INTO things (id, small) VALUES (1, 0)").ok());
  constexpr int kThreads = 6, kEach = 20;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&] {
        for (int i = 0; i < kEach; ++i) {
          const Status status = database().write([&](Connection& c) -> Status {
            const Rows rows = TRY(c.run("SELECT small FROM things WHERE id = 1"));
            TRY(c.run("UPDATE things SET small = $1 WHERE id = 1", {rows[0].integer(0) + 1}));
            return {};
          });
          EXPECT_TRUE(status.ok()) << status.error().message();
        }
      });
    }
  }
  EXPECT_EQ(read("SELECT small FROM things").value()[0].integer(0), kThreads * kEach);
}

TEST_P(DatabaseTest, AReadSeesOneSnapshot) {
  ASSERT_TRUE(add(1, "one").ok());
  std::latch first_read(1), written(1);
  std::jthread writer([&] {
    first_read.wait();
    EXPECT_TRUE(add(2, "two").ok());
    written.count_down();
  });
  const Status status = database().read([&](Connection& c) -> Status {
    EXPECT_EQ(TRY(c.run("SELECT count(*) FROM things"))[0].integer(0), 1);
    first_read.count_down();
    written.wait();
    EXPECT_EQ(TRY(c.run("SELECT count(*) FROM things"))[0].integer(0), 1);
    return {};
  });
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(count(), 2);
}

TEST_P(DatabaseTest, EachGivesRowsOneByOne) {
  ASSERT_TRUE(write("INSERT INTO things (id) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT "
                    "i + 1 FROM n WHERE i < 1200) SELECT i FROM n")
                  .ok());
  const char* sql = "SELECT id FROM things WHERE id > $1 ORDER BY id";
  int64_t sum = 0, nested = 0;
  const Status all = database().read([&](Connection& c) -> Status {
    return c.each(sql, {int64_t{200}}, [&](const Row& row) -> Status {
      sum += row.integer(0);
      if (row.integer(0) % 100 == 0) {
        // The same text while the first one still runs.
        TRY(c.each(sql, {int64_t{1190}}, [&](const Row&) -> Status {
          ++nested;
          return {};
        }));
      }
      return {};
    });
  });
  EXPECT_TRUE(all.ok());
  EXPECT_EQ(sum, 1200 * 1201 / 2 - 200 * 201 / 2);
  EXPECT_EQ(nested, 100);
  int64_t taken = 0;
  const Status cut = database().write([&](Connection& c) -> Status {
    const Status status = c.each(sql, {int64_t{0}}, [&](const Row&) -> Status {
      if (++taken == 700) return invalid_input("enough");
      return {};
    });
    EXPECT_EQ(status.error().message(), "enough");
    TRY(c.run("DELETE FROM things WHERE id = 1"));
    EXPECT_EQ(c.changed(), 1);
    return {};
  });
  EXPECT_TRUE(cut.ok());
  EXPECT_EQ(taken, 700);
  EXPECT_EQ(count(), 1199);
}

TEST_P(DatabaseTest, TheChangeNumberGrowsWithEveryWriteOfAnyServer) {
  const auto other = open_again();
  int64_t here = database().change_number().value(), there = other->change_number().value();
  for (int64_t id = 1; id <= 5; ++id) {
    ASSERT_TRUE(add(id, std::to_string(id)).ok());
    EXPECT_GT(database().change_number().value(), here);
    EXPECT_GT(other->change_number().value(), there);
    EXPECT_EQ(read_from(*other, "SELECT count(*) FROM things").value()[0].integer(0), id);
    here = database().change_number().value();
    there = other->change_number().value();
  }
  const Status status = other->write([](Connection& c) -> Status {
    TRY(c.run("DELETE FROM things WHERE id = 1"));
    return {};
  });
  EXPECT_TRUE(status.ok());
  EXPECT_GT(database().change_number().value(), here);
  here = database().change_number().value();
  EXPECT_EQ(count(), 4);
  EXPECT_EQ(database().change_number().value(), here);  // reading is no change
}

TEST_P(DatabaseTest, StaysOpenAcrossManyTextsOfStatements) {
  const Status status = database().write([&](Connection& c) -> Status {
    for (int i = 0; i < 1100; ++i) {
      TRY(c.run(fmt::format("INSERT INTO things (id) VALUES ({})", i)));
    }
    return {};
  });
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(count(), 1100);
}

INSTANTIATE_BOTH_DATABASES(DatabaseTest);

TEST(DatabaseClosures, OneInsideAnotherIsAMistake) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const TemporaryDirectory directory;
  // The guard (closure_guard.h) is the same for both kinds of data base: one that starts no server.
  // What dies is this program, started again for this test alone: what it leaves lies in here.
  const char* before = std::getenv("TMPDIR");
  const std::string kept = before != nullptr ? before : "";
  ASSERT_EQ(::setenv("TMPDIR", directory.path().c_str(), 1), 0);
  const auto database = Database::open({.url = "sqlite:" + directory.file("a.db")}).value();
  const auto inner = [&](Connection&) {
    return database->write([](Connection&) -> Status { return {}; });
  };
  EXPECT_DEATH((void)database->write(inner), "inside another one");
  ASSERT_EQ(before != nullptr ? ::setenv("TMPDIR", kept.c_str(), 1) : ::unsetenv("TMPDIR"), 0);
}

TEST(DatabaseAddress, IsCheckedAndNamed) {
  const auto refusal = [](const std::string& url) {
    return Database::open({.url = url}).error().message();
  };
  EXPECT_NE(refusal("mysql://somewhere").find("write sqlite:PATH"), std::string::npos);
  EXPECT_NE(refusal("sqlite:no/such/folder/x.db").find("no/such/folder/x.db"), std::string::npos);
  const TemporaryDirectory directory;
  ASSERT_TRUE(write_file(directory.file("text"), std::string(5000, 'x')).ok());
  EXPECT_NE(refusal("sqlite:" + directory.file("text")).find("no data base of SQLite"),
            std::string::npos);
  const std::string lost = refusal("postgresql://me:secret@127.0.0.1:1/none?connect_timeout=2");
  EXPECT_NE(lost.find("postgresql://me@127.0.0.1:1/none: no connection"), std::string::npos)
      << lost;
  EXPECT_EQ(lost.find("secret"), std::string::npos);
}

TEST(DatabaseAddress, AStartThatPostgresRefusesNamesItOnce) {
  if (testing::postgres_cluster() == nullptr) GTEST_SKIP() << "PostgreSQL is not installed";
  const std::string url = testing::new_postgres_database();
  const char* more = url.find('?') == std::string::npos ? "?" : "&";
  const auto opened =
      Database::open({.url = url + more + "options=-cdefault_transaction_read_only%3Don"});
  ASSERT_FALSE(opened.ok());
  const std::string& said = opened.error().message();
  EXPECT_TRUE(said.starts_with("postgresql://")) << said;
  EXPECT_EQ(said.find("postgresql://", 1), std::string::npos) << said;
  EXPECT_NE(said.find("read-only"), std::string::npos) << said;
}

}  // namespace
}  // namespace attune::store
