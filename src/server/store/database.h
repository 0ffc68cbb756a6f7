// One data base behind one small interface: SQLite (a file beside the server, the default) or
// PostgreSQL. SQL is plain, written once for both, with $1 placeholders; what differs (types,
// full text) is in dialect.h.
//
//   Database& db = ...;
//   auto names = TRY(db.read([&](Connection& c) {
//     return c.run("SELECT name FROM workspaces WHERE id = $1", {id});
//   }));
//   TRY(db.write([&](Connection& c) -> Status {
//     TRY(c.run("INSERT INTO workspaces (id, name) VALUES ($1, $2)", {id, name}));
//     return {};
//   }));
//
// What `write` returned has reached the disk (fsync): concurrent writes of SQLite share one commit
// (group commit); one that fails takes back its own work alone: the others are run once more.
// `read` sees one snapshot, and every write that was acknowledged before it began.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace attune::store {

using Bytes = std::vector<std::byte>;
// SQL's NULL, BIGINT, DOUBLE PRECISION, TEXT (UTF-8) and BLOB/BYTEA. Booleans are integers 0 and 1.
using Value = std::variant<std::nullptr_t, int64_t, double, std::string, Bytes>;

// The value itself, or NULL.
Value or_null(const std::optional<std::string>& text);
Value or_null(const std::optional<double>& number);

// One row of an answer; columns are counted from 0. Asking for a column that is not there or of
// another type is a mistake of ours (CHECK); integer() and real() also take each other.
class Row {
 public:
  explicit Row(std::vector<Value> values) : values_(std::move(values)) {}

  size_t size() const { return values_.size(); }
  bool is_null(size_t column) const;
  const std::string& text(size_t column) const;
  std::optional<std::string> text_or_null(size_t column) const;
  std::string take_text(size_t column);  // the row holds it no more
  int64_t integer(size_t column) const;
  double real(size_t column) const;
  bool boolean(size_t column) const { return integer(column) != 0; }
  const Bytes& bytes(size_t column) const;

 private:
  std::vector<Value> values_;
};

using Rows = std::vector<Row>;

enum class Dialect { kSqlite, kPostgres };

// A connection inside one read or write; used by one thread at a time, never kept.
class Connection {
 public:
  virtual ~Connection() = default;
  virtual Dialect dialect() const = 0;

  // Runs one statement; parameters replace $1, $2, ... Statements are prepared once for each
  // connection and text, so a text must not hold values. Errors: kConflict for a unique or foreign
  // key that is violated, kUnavailable for a data base that does not answer, kIo for a full disk,
  // kInternal for SQL that is wrong. After a statement failed, the write must end with an error
  // (one that goes on is refused): use ON CONFLICT where a conflict is no failure.
  virtual Result<Rows> run(std::string_view sql, std::span<const Value> parameters) = 0;
  Result<Rows> run(std::string_view sql, std::initializer_list<Value> parameters = {}) {
    return run(sql, std::span(parameters.begin(), parameters.size()));
  }
  // The same for a SELECT, row by row: memory does not grow with the answer. `take` may run other
  // statements; returning an error ends it.
  virtual Status each(std::string_view sql, std::span<const Value> parameters,
                      const std::function<Status(const Row&)>& take) = 0;
  Status each(std::string_view sql, std::initializer_list<Value> parameters,
              const std::function<Status(const Row&)>& take) {
    return each(sql, std::span(parameters.begin(), parameters.size()), take);
  }
  // How many rows the last statement changed.
  virtual int64_t changed() const = 0;
  // Several statements without parameters, separated by semicolons; for migrations.
  virtual Status run_script(const std::string& sql) = 0;
};

struct DatabaseOptions {
  // "sqlite:PATH" or a libpq address ("postgresql://user@host/name").
  std::string url;
  int readers = 4;            // connections for reading
  int writers = 4;            // PostgreSQL only: SQLite has one writer and a queue before it
  int64_t busy_timeout_ms = 30000;
};

// Thread safety: all members may be called from any thread; the closures run on the calling thread
// (reads, PostgreSQL) or on the writer's thread (SQLite writes). A closure uses its Connection
// alone: calling read() or write() of the same data base inside one is a mistake of ours (CHECK).
// What a closure throws is thrown to the caller, its work taken back.
class Database {
 public:
  // Opens or creates it and brings its schema to this program's version (migrations.h). Errors name
  // the file or address and what to do.
  static Result<std::unique_ptr<Database>> open(const DatabaseOptions& options);
  virtual ~Database() = default;

  virtual Dialect dialect() const = 0;

  template <typename F>
  auto read(F&& body) -> std::invoke_result_t<F, Connection&> {
    return call<std::invoke_result_t<F, Connection&>>(&Database::run_read, body);
  }
  // All or nothing. `body` may run a second time (after a serialisation failure of PostgreSQL; when
  // another write of an SQLite batch failed, sqlite_writer.h): it must change nothing but the data
  // base and what it returns.
  template <typename F>
  auto write(F&& body) -> std::invoke_result_t<F, Connection&> {
    return call<std::invoke_result_t<F, Connection&>>(&Database::run_write, body);
  }

  // Grows with every committed write of any process on this data base: what was read after asking
  // for a number is still true while the number stands. It counts for this object alone; another
  // server has numbers of its own. Cheap: SQLite looks at shared memory (about a microsecond),
  // PostgreSQL answers one short question without a lock; both see a write once it is acknowledged.
  virtual Result<int64_t> change_number() = 0;
  // One SELECT in a snapshot of its own: cheaper than read(), for what each request asks first.
  virtual Result<Rows> ask(std::string_view sql) = 0;
  // A consistent copy while serving, made as a temporary name and renamed. SQLite: one file;
  // PostgreSQL: refused with the pg_dump command to use.
  virtual Status backup(const std::string& path) = 0;
  // After forget.h's writes: what they replaced leaves the files as well, not only the answers. Not
  // inside a closure; others may read and write meanwhile. SQLite: sqlite_erase.h. PostgreSQL: does
  // nothing, since old rows stay in its files, and in its log, until VACUUM FULL and later log.
  virtual Status erase_forgotten() = 0;

 protected:
  using Body = std::function<Status(Connection&)>;
  virtual Status run_read(const Body& body) = 0;
  virtual Status run_write(const Body& body) = 0;

 private:
  template <typename R, typename F>
  R call(Status (Database::*run)(const Body&), F& body) {
    std::optional<R> kept;
    Status done = (this->*run)([&](Connection& connection) -> Status {
      kept.emplace(body(connection));
      if (!kept->ok()) return kept->error();
      return {};
    });
    if (!done.ok()) return done.error();
    return std::move(*kept);
  }
};

}  // namespace attune::store
