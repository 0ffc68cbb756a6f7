// What was acknowledged is there, whatever happens to the process or the disk.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <map>
#include <set>
#include <thread>

#include "base/random.h"
#include "server/store/search.h"
#include "server/store/text_index.h"
#include "tests/support/both_databases.h"

namespace attune::store {
namespace {

domain::Schema small_schema() {
  domain::Schema schema;
  schema.dataset.position = 1;
  domain::Field field;
  field.name = "text";
  field.settings = {{"type", "text"}};
  schema.fields.push_back(field);
  return schema;
}

// A record, its words and a line of history, all in one write.
Status store_one(Database& database, const std::string& id) {
  static const domain::Schema schema = small_schema();
  return database.write([&](Connection& c) -> Status {
    const OrderedJson fields = {{"text", "word " + id}};
    const Rows rows = TRY(c.run(
        "INSERT INTO records (id, dataset, fields, completed, inserted_at, updated_at) VALUES "
        "($1, 1, $2, 0, 't', 't') RETURNING position",
        {id, to_line(fields)}));
    TRY(c.run("INSERT INTO response_history (response_id, record_id, dataset, user_id, author_id, "
              "action, status, response_values, at) VALUES ($1, $1, 1, 'u', 'u', 'create', 's', "
              "'{}', 't')",
              {id}));
    const TextToIndex text{rows[0].integer(0), &fields};
    return index_texts(c, schema, std::span(&text, 1));
  });
}

std::vector<std::string> ids_in(Database& database, const char* sql) {
  std::vector<std::string> ids;
  for (const Row& row : database.read([&](Connection& c) { return c.run(sql); }).value()) {
    ids.push_back(row.text(0));
  }
  return ids;
}

int64_t found(Database& database, const std::string& text) {
  domain::SearchQuery query;
  query.dataset = 1;
  query.text = {.text = text, .field = std::nullopt};
  return database.read([&](Connection& c) { return search_records(c, query); })->total;
}

void expect_sound(Database& database) {
  const auto checked = ids_in(database, "PRAGMA integrity_check");
  EXPECT_EQ(checked, std::vector<std::string>{"ok"});
  // FTS5's own check of its tables.
  const Status index = database.write([](Connection& c) -> Status {
    TRY(c.run("INSERT INTO record_text (record_text) VALUES ('integrity-check')"));
    return {};
  });
  EXPECT_TRUE(index.ok()) << index.error().message();
}

// Whatever is stored is whole: once in each table, and found.
void expect_whole(Database& database, const std::set<std::string>& acknowledged) {
  const auto records = ids_in(database, "SELECT id FROM records ORDER BY id");
  EXPECT_EQ(records, ids_in(database, "SELECT record_id FROM response_history ORDER BY 1"));
  EXPECT_TRUE(std::includes(records.begin(), records.end(), acknowledged.begin(),
                            acknowledged.end()));
  EXPECT_EQ(found(database, "word"), static_cast<int64_t>(records.size()));
  ASSERT_FALSE(acknowledged.empty());
  EXPECT_EQ(found(database, *acknowledged.rbegin()), 1);
}

constexpr size_t kIdSize = 8;
constexpr int kThreads = 4;

// Writes as fast as it can from several threads; each id goes down the pipe once it is stored.
[[noreturn]] void write_until_killed(const std::string& url, int round, int pipe) {
  const auto database = Database::open({.url = url, .readers = 1}).value();
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0;; ++i) {
        const std::string id = fmt::format("{:02}{}{:05}", round, thread, i);
        if (!store_one(*database, id).ok()) std::abort();
        if (::write(pipe, id.data(), kIdSize) != static_cast<ssize_t>(kIdSize)) std::abort();
      }
    });
  }
  threads[0].join();
  std::abort();
}

// Reads acknowledgements; kills after `kill_after` of them, takes those that came before the end.
void take_acknowledged(int pipe, pid_t child, uint64_t kill_after,
                       std::set<std::string>& acknowledged) {
  char id[kIdSize];
  uint64_t taken = 0;
  while (::read(pipe, id, kIdSize) == static_cast<ssize_t>(kIdSize)) {
    acknowledged.emplace(id, kIdSize);
    if (++taken == kill_after) ::kill(child, SIGKILL);
  }
  EXPECT_GE(taken, kill_after);
}

TEST(Durability, KilledAtAnyMomentNothingAcknowledgedIsLost) {
  const char* tier = std::getenv("ATTUNE_TEST_TIER");
  const bool full = tier != nullptr && std::string(tier) == "full";
  const TemporaryDirectory directory;
  const std::string url = "sqlite:" + directory.file("attune.db");
  std::set<std::string> acknowledged;
  Random random(1);
  for (int round = 0; round < (full ? 90 : 12); ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(ends[0]);
      write_until_killed(url, round, ends[1]);
    }
    ::close(ends[1]);
    // The first rounds end while the data base is being made or hardly is.
    take_acknowledged(ends[0], child, 1 + random.below(round < 3 ? 3 : 80), acknowledged);
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    const auto database = Database::open({.url = url, .readers = 1}).value();
    expect_whole(*database, acknowledged);
    expect_sound(*database);
  }
  EXPECT_GT(acknowledged.size(), 100U);
}

// Files can grow no further, as on a full disk.
class FileLimit {
 public:
  explicit FileLimit(uint64_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = ::signal(SIGXFSZ, SIG_IGN);
    rlimit now = before_;
    now.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  ~FileLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

TEST(Durability, AFullDiskIsAnErrorAndLosesNothing) {
  const TemporaryDirectory directory;
  const auto database =
      Database::open({.url = "sqlite:" + directory.file("attune.db"), .readers = 1}).value();
  std::set<std::string> acknowledged;
  Status status;
  {
    const FileLimit limit(4'000'000);
    for (int i = 0; i < 20'000; ++i) {
      const std::string id = fmt::format("{:08}", i);
      status = store_one(*database, id);
      if (!status.ok()) break;
      acknowledged.insert(id);
    }
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code(), ErrorCode::kIo);
    EXPECT_NE(status.error().message().find("check the disk"), std::string::npos)
        << status.error().message();
    EXPECT_GT(acknowledged.size(), 10U);
    expect_whole(*database, acknowledged);  // reading goes on
  }
  EXPECT_TRUE(store_one(*database, "afterwards").ok());
  acknowledged.insert("afterwards");
  expect_whole(*database, acknowledged);
  expect_sound(*database);
}

TEST(Durability, AFullDiskAtTheStartNamesTheFileOnce) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("attune.db");
  const auto opened = [&] {
    const FileLimit limit(50'000);
    return Database::open({.url = "sqlite:" + path, .readers = 1});
  }();
  ASSERT_FALSE(opened.ok());
  const std::string said = opened.error().message();
  EXPECT_TRUE(said.starts_with(path)) << said;
  EXPECT_EQ(said.find(path, 1), std::string::npos) << said;
  EXPECT_NE(said.find("check the disk"), std::string::npos) << said;
}

// A write that is too large for the disk fails; those that shared its commit do not.
TEST(Durability, AWriteThatFillsTheDiskFailsAlone) {
  const TemporaryDirectory directory;
  const auto database =
      Database::open({.url = "sqlite:" + directory.file("attune.db"), .readers = 2}).value();
  const auto limit = database->write([](Connection& c) -> Status {
    const int64_t pages = TRY(c.run("PRAGMA page_count"))[0].integer(0);
    TRY(c.run(fmt::format("PRAGMA max_page_count = {}", pages + 600)));
    return {};
  });
  ASSERT_TRUE(limit.ok());
  std::atomic<int> large_stored = 0;
  std::set<std::string> acknowledged;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 3; ++thread) {
      threads.emplace_back([&] {
        for (int i = 0; i < 10; ++i) {
          const Status status = database->write([](Connection& c) -> Status {
            for (int row = 0; row < 50; ++row) {
              TRY(c.run("INSERT INTO audit_log (action, subject, at) VALUES ('a', $1, 't')",
                        {std::string(100'000, 'x')}));
            }
            return {};
          });
          if (status.ok()) {
            ++large_stored;
          } else {
            EXPECT_EQ(status.error().code(), ErrorCode::kIo) << status.error().message();
          }
        }
      });
    }
    for (int i = 0; i < 40; ++i) {
      const std::string id = fmt::format("small{:03}", i);
      EXPECT_TRUE(store_one(*database, id).ok());
      acknowledged.insert(id);
    }
  }
  EXPECT_EQ(large_stored, 0);
  expect_whole(*database, acknowledged);
  expect_sound(*database);
  EXPECT_TRUE(ids_in(*database, "SELECT subject FROM audit_log").empty());
}

class BackupTest : public testing::BothDatabases {};

TEST_P(BackupTest, IsConsistentWhileOthersWrite) {
  const std::string target = directory().file("backup.db");
  if (!on_sqlite()) {
    const Status refused = database().backup(target);
    EXPECT_EQ(refused.error().code(), ErrorCode::kUnsupported);
    EXPECT_NE(refused.error().message().find("pg_dump --format=custom --file=" + target),
              std::string::npos);
    return;
  }
  ASSERT_TRUE(write_file(target, "what was there before").ok());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(store_one(database(), fmt::format("b{:03}", i)).ok());
  std::atomic<bool> ended = false;
  std::set<std::string> before;
  {
    std::jthread writer([&] {
      for (int i = 0; !ended; ++i) {
        EXPECT_TRUE(store_one(database(), fmt::format("w{:06}", i)).ok());
      }
    });
    for (int round = 0; round < 5; ++round) {
      const auto ids = ids_in(database(), "SELECT id FROM records");
      before = std::set(ids.begin(), ids.end());
      const Status status = database().backup(target);
      EXPECT_TRUE(status.ok()) << status.error().message();
      // One file is all there is.
      const auto files = list_directory(directory().path()).value();
      EXPECT_EQ(std::count_if(files.begin(), files.end(),
                              [](const std::string& name) { return name.starts_with("backup"); }),
                1);
      const TemporaryDirectory elsewhere;
      ASSERT_TRUE(write_file(elsewhere.file("copy.db"), read_file(target).value()).ok());
      const auto copy = open("sqlite:" + elsewhere.file("copy.db"));
      expect_whole(*copy, before);
      expect_sound(*copy);
      EXPECT_TRUE(store_one(*copy, "goes on").ok());
    }
    ended = true;
  }
}

TEST_P(BackupTest, RefusalsLeaveNothing) {
  if (!on_sqlite()) GTEST_SKIP() << "PostgreSQL has a program of its own for this";
  EXPECT_EQ(database().backup(directory().path()).error().code(), ErrorCode::kInvalidInput);
  EXPECT_FALSE(database().backup(directory().file("no/such/folder/b.db")).ok());
  const std::string target = directory().file("backup.db");
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(store_one(database(), fmt::format("{:05}", i)).ok());
  {
    const FileLimit limit(20'000);
    EXPECT_EQ(database().backup(target).error().code(), ErrorCode::kIo);
  }
  EXPECT_FALSE(exists(target));
  EXPECT_FALSE(exists(target + ".partial"));
}

INSTANTIATE_BOTH_DATABASES(BackupTest);

// ---- a server that goes away ----

class LostServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (testing::postgres_cluster() == nullptr) GTEST_SKIP() << "PostgreSQL is not installed";
    const std::string url = testing::new_postgres_database();
    database_ = Database::open({.url = url, .readers = 2, .writers = 2}).value();
  }
  std::unique_ptr<Database> database_;
};

constexpr const char* kEndMyself = "SELECT pg_terminate_backend(pg_backend_pid())";

TEST_F(LostServerTest, AReadIsTriedOnceMore) {
  int tries = 0;
  const auto rows = database_->read([&](Connection& c) -> Result<Rows> {
    if (++tries == 1) TRY(c.run(kEndMyself));
    return c.run("SELECT count(*) FROM records");
  });
  ASSERT_TRUE(rows.ok()) << rows.error().message();
  EXPECT_EQ(tries, 2);
  const auto never = database_->read([&](Connection& c) { return c.run(kEndMyself); });
  EXPECT_EQ(never.error().code(), ErrorCode::kUnavailable);
}

TEST_F(LostServerTest, AWriteFailsAndTheNextGoesThrough) {
  const Status lost = database_->write([&](Connection& c) -> Status {
    TRY(c.run("INSERT INTO workspaces VALUES ('w', 'w', 't', 't')"));
    TRY(c.run(kEndMyself));
    return {};
  });
  EXPECT_EQ(lost.error().code(), ErrorCode::kUnavailable);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(store_one(*database_, fmt::format("after{}", i)).ok());
  EXPECT_TRUE(ids_in(*database_, "SELECT id FROM workspaces").empty());
}

TEST_F(LostServerTest, ARestartOfTheServerIsNoticedByNobodyWhoWaits) {
  ASSERT_TRUE(store_one(*database_, "before").ok());
  ASSERT_TRUE(testing::postgres_cluster()->restart().ok());
  EXPECT_TRUE(store_one(*database_, "behind").ok());
  EXPECT_EQ(found(*database_, "word"), 2);
  EXPECT_TRUE(database_->change_number().ok());
}

}  // namespace
}  // namespace attune::store
