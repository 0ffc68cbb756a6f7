#include "server/store/sqlite_erase.h"

#include <chrono>
#include <thread>

#include "base/log.h"
#include "server/store/sqlite_connection.h"

namespace attune::store {
namespace {

// Of the text index, 4 kB each: what a write of others waits for.
constexpr int64_t kPagesPerStep = 500;
constexpr int64_t kTryToEmpty_ms = 100;
constexpr int kTriesToEmpty = 10;

// Whether there is more to merge: FTS5 writes two rows at least where there was (its documentation,
// "The 'merge' Command"). `pages` below zero also makes all pieces of the index one to be merged.
Result<bool> merge_some(Connection& connection, int64_t pages) {
  const auto rows_written = [&]() -> Result<int64_t> {
    return TRY(connection.run("SELECT total_changes()")).at(0).integer(0);
  };
  const int64_t before = TRY(rows_written());
  TRY(connection.run("INSERT INTO record_text (record_text, rank) VALUES ('merge', $1)", {pages}));
  return TRY(rows_written()) - before >= 2;
}

// Emptying waits for those who read what the log has replaced, and keeps writers waiting meanwhile:
// it asks again and again, for a moment each time. A backup may read for longer than that; the log
// is then written over by what comes next.
Status empty_log(const std::string& path) {
  auto connection =
      TRY(SqliteConnection::open(path, SqliteConnection::Kind::kWriter, kTryToEmpty_ms));
  for (int tries = 0; tries < kTriesToEmpty; ++tries) {
    TRY(connection->run("PRAGMA wal_checkpoint(PASSIVE)"));  // most of the work, beside others
    const Rows rows = TRY(connection->run("PRAGMA wal_checkpoint(TRUNCATE)"));
    if (!rows.at(0).boolean(0)) return {};
    std::this_thread::sleep_for(std::chrono::milliseconds(kTryToEmpty_ms));
  }
  log_warning("{}: what was forgotten may stand in its log until new writes replace it: somebody "
              "reads for long, a backup perhaps",
              path);
  return {};
}

}  // namespace

Status erase_forgotten_in_sqlite(Database& database, const std::string& path) {
  int64_t pages = -kPagesPerStep;
  const auto step = [&](Connection& connection) { return merge_some(connection, pages); };
  while (TRY(database.write(step))) pages = kPagesPerStep;
  return empty_log(path);
}

}  // namespace attune::store
