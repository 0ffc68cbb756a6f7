#include "server/store/postgres_database.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <random>
#include <thread>

#include "server/store/closure_guard.h"
#include "server/store/connection_pool.h"
#include "server/store/migrations.h"
#include "server/store/postgres_connection.h"

namespace attune::store {
namespace {

// Writes are serialisable, so that a closure may read, decide and write as it does on SQLite, which
// has one writer; the price is that some run again.
constexpr const char* kBeginWrite = "BEGIN ISOLATION LEVEL SERIALIZABLE";
constexpr const char* kBeginRead = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
constexpr int kTriesMax = 30;

class PostgresDatabase final : public Database {
 public:
  static Result<std::unique_ptr<Database>> open(const DatabaseOptions& options) {
    if (options.readers < 1 || options.writers < 1) {
      return invalid_input("a reader and a writer are needed at least");
    }
    std::unique_ptr<PostgresDatabase> database(new PostgresDatabase());
    for (int i = 0; i < options.writers; ++i) {
      auto writer = TRY(PostgresConnection::open(options));
      if (i == 0) {
        database->address_ = writer->address();
        const Status migrated = migrate(*writer);
        if (!migrated.ok()) {
          const Error& error = migrated.error();  // the server's own errors name it
          const bool named = error.message().starts_with(database->address_);
          return named ? error : error.with_context(database->address_);
        }
      }
      database->writers_.add(std::move(writer));
    }
    for (int i = 0; i < options.readers; ++i) {
      database->readers_.add(TRY(PostgresConnection::open(options)));
    }
    return std::unique_ptr<Database>(std::move(database));
  }

  Dialect dialect() const override { return Dialect::kPostgres; }

  // The snapshot names the first transaction that is not over and those that run: it is another
  // one after every commit (and, harmlessly, after some other things).
  Result<int64_t> change_number() override {
    const Rows rows = TRY(ask("SELECT pg_current_snapshot()::text"));
    const std::lock_guard lock(watching_);
    if (rows.at(0).text(0) != snapshot_) {
      snapshot_ = rows.at(0).text(0);
      ++change_number_;
    }
    return change_number_;
  }

  Result<Rows> ask(std::string_view sql) override {
    const ClosureGuard guard(this);
    auto reader = readers_.borrow();
    auto rows = reader->run(sql);
    if (!rows.ok() && !reader->connected()) {
      TRY(reader->reconnect());
      rows = reader->run(sql);
    }
    return rows;
  }

  Status backup(const std::string& path) override {
    return unsupported("{} is backed up by PostgreSQL's own program: pg_dump --format=custom "
                       "--file={} {}",
                       address_, path, address_);
  }

  Status erase_forgotten() override { return {}; }

 protected:
  Status run_read(const Body& body) override {
    const ClosureGuard guard(this);
    auto reader = readers_.borrow();
    Status done = in_transaction(*reader, kBeginRead, body);
    if (!done.ok() && !reader->connected()) {
      TRY(reader->reconnect());
      done = in_transaction(*reader, kBeginRead, body);
    }
    return done;
  }

  Status run_write(const Body& body) override {
    const ClosureGuard guard(this);
    auto writer = writers_.borrow();
    for (int tries = 1;; ++tries) {
      const Status done = in_transaction(*writer, kBeginWrite, body);
      if (done.ok() || !writer->may_retry() || tries == kTriesMax) return done;
      back_off(tries);
    }
  }

 private:
  PostgresDatabase() = default;

  // Ends a transaction that was not committed, however the closure was left.
  class Unfinished {
   public:
    explicit Unfinished(PostgresConnection& connection) : connection_(connection) {}
    ~Unfinished() {
      if (!connection_.connected() || !connection_.in_transaction()) return;
      (void)connection_.run_script("ROLLBACK");
    }
    Unfinished(const Unfinished&) = delete;
    Unfinished& operator=(const Unfinished&) = delete;

   private:
    PostgresConnection& connection_;
  };

  static Status in_transaction(PostgresConnection& connection, const char* begin,
                               const Body& body) {
    connection.clear_failed();
    Status begun = connection.run_script(begin);
    if (!begun.ok() && !connection.connected()) {
      // Lost while it was idle (a restart of the server): nothing was begun.
      TRY(connection.reconnect());
      connection.clear_failed();
      begun = connection.run_script(begin);
    }
    TRY(begun);
    const Unfinished unfinished(connection);
    TRY(body(connection));
    if (connection.failed()) {
      return make_error(ErrorCode::kInternal, "a statement failed and the closure went on");
    }
    const Status committed = connection.run_script("COMMIT");
    if (!committed.ok() && !connection.connected()) {
      return make_error(ErrorCode::kUnavailable,
                        "the connection to the data base was lost during a commit: it is not known "
                        "whether the write was kept; look before trying again");
    }
    return committed;
  }

  // Those that met wait for different times, a little longer each time.
  static void back_off(int tries) {
    thread_local std::minstd_rand random{std::random_device{}()};
    const int64_t limit_us = std::min<int64_t>(50'000, int64_t{500} << std::min(tries, 7));
    std::this_thread::sleep_for(std::chrono::microseconds(
        std::uniform_int_distribution<int64_t>(0, limit_us)(random)));
  }

  std::string address_;
  ConnectionPool<PostgresConnection> readers_, writers_;
  std::mutex watching_;
  std::string snapshot_;
  int64_t change_number_ = 0;
};

}  // namespace

Result<std::unique_ptr<Database>> open_postgres(const DatabaseOptions& options) {
  return PostgresDatabase::open(options);
}

}  // namespace attune::store
