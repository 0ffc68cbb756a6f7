#include "server/store/sqlite_erase.h"

#include "server/store/sqlite_connection.h"

namespace attune::store {
namespace {

// Of the text index, 4 kB each: what a write of others waits for.
constexpr int64_t kPagesPerStep = 500;

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

Status empty_log(const std::string& path, int64_t busy_timeout_ms) {
  auto connection =
      TRY(SqliteConnection::open(path, SqliteConnection::Kind::kWriter, busy_timeout_ms));
  const Rows rows = TRY(connection->run("PRAGMA wal_checkpoint(TRUNCATE)"));
  if (!rows.at(0).boolean(0)) return {};
  return make_error(ErrorCode::kUnavailable,
                    "{}: everything is forgotten, but its log could not be emptied while others "
                    "read; forget the same once more",
                    path);
}

}  // namespace

Status erase_forgotten_in_sqlite(Database& database, const std::string& path,
                                 int64_t busy_timeout_ms) {
  int64_t pages = -kPagesPerStep;
  const auto step = [&](Connection& connection) { return merge_some(connection, pages); };
  while (TRY(database.write(step))) pages = kPagesPerStep;
  return empty_log(path, busy_timeout_ms);
}

}  // namespace attune::store
