#include "server/store/sqlite_backup.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "server/store/sqlite_connection.h"

namespace attune::store {
namespace {

// VACUUM INTO reads one snapshot and keeps no writer waiting, however long it takes.
Status copy_into(const std::string& source, const std::string& copy, int64_t busy_timeout_ms) {
  auto reader =
      TRY(SqliteConnection::open(source, SqliteConnection::Kind::kReader, busy_timeout_ms));
  TRY(reader->run_script("PRAGMA query_only = OFF"));
  TRY(reader->run("VACUUM INTO $1", {copy}));
  return {};
}

Status check_copy(const std::string& copy, int64_t busy_timeout_ms) {
  auto reader = TRY(SqliteConnection::open(copy, SqliteConnection::Kind::kReader, busy_timeout_ms));
  const Rows rows = TRY(reader->run("PRAGMA integrity_check(1)"));
  if (rows.size() != 1 || rows[0].text(0) != "ok") {
    return io_error("the copy is damaged: {}; check the disk and the data base",
                    rows.empty() ? "no answer" : rows[0].text(0));
  }
  // Back from WAL, so that one file is all there is.
  TRY(reader->run_script("PRAGMA query_only = OFF; PRAGMA journal_mode = DELETE"));
  return {};
}

Status sync_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  if (!synced) return io_error("{}: cannot be synced to the disk", path);
  return {};
}

}  // namespace

Status back_up_sqlite(const std::string& source, const std::string& target,
                      int64_t busy_timeout_ms) {
  if (target.empty() || is_directory(target)) {
    return invalid_input("'{}': name a file for the backup, not a folder", target);
  }
  const std::string copy = target + ".partial";
  TRY(remove_all(copy));
  Status done = copy_into(source, copy, busy_timeout_ms);
  if (done.ok()) done = check_copy(copy, busy_timeout_ms);
  if (done.ok()) done = sync_file(copy);
  if (done.ok()) return rename_path(copy, target);
  (void)remove_all(copy);
  return done.error().with_context("backup to " + target);
}

}  // namespace attune::store
