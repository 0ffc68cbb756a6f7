#include "server/store/sqlite_database.h"

#include <mutex>

#include "base/file.h"
#include "server/store/closure_guard.h"
#include "server/store/connection_pool.h"
#include "server/store/migrations.h"
#include "server/store/sqlite_backup.h"
#include "server/store/sqlite_erase.h"
#include "server/store/sqlite_writer.h"

namespace attune::store {
namespace {

using Kind = SqliteConnection::Kind;

// How FTS5 keeps the words, which is written in the file beside them and is not part of the schema.
// The words of a write are sorted in memory up to `hashsize` bytes, so that a large write leaves
// one piece of index; `automerge` pieces of one size make one of the next, some pages with each
// write; all at once, for which a write waits, only where `crisismerge` have gathered.
Status set_up_text_index(SqliteConnection& writer) {
  constexpr std::pair<const char*, int64_t> kOptions[] = {
      {"hashsize", 32 << 20}, {"automerge", 16}, {"crisismerge", 48}};
  for (const auto& [name, value] : kOptions) {
    const Rows found = TRY(writer.run("SELECT 1 FROM record_text_config WHERE k = $1 AND v = $2",
                                      {std::string(name), value}));
    if (!found.empty()) continue;
    TRY(writer.command("BEGIN IMMEDIATE"));
    TRY(writer.run("INSERT INTO record_text (record_text, rank) VALUES ($1, $2)",
                   {std::string(name), value}));
    TRY(writer.command("COMMIT"));
  }
  return {};
}

class SqliteDatabase final : public Database {
 public:
  static Result<std::unique_ptr<Database>> open(const std::string& path,
                                                const DatabaseOptions& options) {
    if (options.readers < 1) return invalid_input("{}: at least one reader is needed", path);
    auto writer = TRY(SqliteConnection::open(path, Kind::kWriter, options.busy_timeout_ms));
    const Status migrated = migrate(*writer);
    if (!migrated.ok()) {
      const Error& error = migrated.error();  // the file's own errors name it
      return error.message().starts_with(path) ? error : error.with_context(path);
    }
    TRY(set_up_text_index(*writer));
    writer->clear_marks();
    std::unique_ptr<SqliteDatabase> database(new SqliteDatabase(path, options));
    database->watcher_ = TRY(SqliteConnection::open(path, Kind::kReader, options.busy_timeout_ms));
    for (int i = 0; i < options.readers; ++i) {
      database->readers_.add(
          TRY(SqliteConnection::open(path, Kind::kReader, options.busy_timeout_ms)));
    }
    database->writer_ = std::make_unique<SqliteWriter>(database.get(), std::move(writer));
    return std::unique_ptr<Database>(std::move(database));
  }

  Dialect dialect() const override { return Dialect::kSqlite; }

  // data_version is another number on each connection, but it changes with every commit that this
  // connection did not make itself; the watcher makes none.
  Result<int64_t> change_number() override {
    const ClosureGuard guard(this);
    const std::lock_guard lock(watching_);
    const Rows rows = TRY(watcher_->run("PRAGMA data_version"));
    if (rows.at(0).integer(0) != data_version_) {
      data_version_ = rows.at(0).integer(0);
      ++change_number_;
    }
    return change_number_;
  }

  Result<Rows> ask(std::string_view sql) override {
    const ClosureGuard guard(this);
    auto reader = readers_.borrow();
    return reader->run(sql);
  }

  Status backup(const std::string& path) override {
    return back_up_sqlite(path_, path, busy_timeout_ms_);
  }

  Status erase_forgotten() override {
    return erase_forgotten_in_sqlite(*this, path_);
  }

 protected:
  Status run_read(const Body& body) override {
    const ClosureGuard guard(this);
    auto reader = readers_.borrow();
    const Snapshot snapshot(*reader);
    TRY(snapshot.begun());
    return body(*reader);
  }

  Status run_write(const Body& body) override {
    const ClosureGuard guard(this);
    return writer_->write(body);
  }

 private:
  // A transaction that only reads; ended however the closure ends.
  class Snapshot {
   public:
    explicit Snapshot(SqliteConnection& reader)
        : reader_(reader), begun_(reader.command("BEGIN")) {}
    ~Snapshot() {
      if (reader_.in_transaction()) (void)reader_.command("COMMIT");
    }
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;
    const Status& begun() const { return begun_; }

   private:
    SqliteConnection& reader_;
    Status begun_;
  };

  SqliteDatabase(std::string path, const DatabaseOptions& options)
      : path_(std::move(path)), busy_timeout_ms_(options.busy_timeout_ms) {}

  const std::string path_;
  const int64_t busy_timeout_ms_;
  ConnectionPool<SqliteConnection> readers_;
  std::mutex watching_;
  std::unique_ptr<SqliteConnection> watcher_;
  int64_t data_version_ = 0, change_number_ = 0;
  std::unique_ptr<SqliteWriter> writer_;
};

}  // namespace

Result<std::unique_ptr<Database>> open_sqlite(const std::string& path,
                                              const DatabaseOptions& options) {
  return SqliteDatabase::open(path, options);
}

}  // namespace attune::store
