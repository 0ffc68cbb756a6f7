#include "server/store/sqlite_connection.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

namespace attune::store {
namespace {

// Searches write their own SQL, so the number of texts has no bound of its own.
constexpr size_t kStatementsMax = 500;

// Pages in memory, for each connection that has read as many. A server has one writer and by
// default four readers, and keeps below 500 MB with all of them.
constexpr int kWriterCacheKiB = 96'000;
constexpr int kReaderCacheKiB = 40'000;
// Of 4 KiB: the log before it is copied back, which costs two more fsyncs.
constexpr int kLogPagesMax = 4000;

Value column_value(sqlite3_stmt* statement, int column) {
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER: return int64_t{sqlite3_column_int64(statement, column)};
    case SQLITE_FLOAT: return sqlite3_column_double(statement, column);
    case SQLITE_TEXT: {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
      return std::string(text, static_cast<size_t>(sqlite3_column_bytes(statement, column)));
    }
    case SQLITE_BLOB: {
      const auto* bytes = static_cast<const std::byte*>(sqlite3_column_blob(statement, column));
      return Bytes(bytes, bytes + sqlite3_column_bytes(statement, column));
    }
    default: return nullptr;
  }
}

int bind_one(sqlite3_stmt* statement, int index, const Value& value) {
  switch (value.index()) {
    case 0: return sqlite3_bind_null(statement, index);
    case 1: return sqlite3_bind_int64(statement, index, std::get<int64_t>(value));
    case 2: return sqlite3_bind_double(statement, index, std::get<double>(value));
    case 3: {
      const std::string& text = std::get<std::string>(value);
      return sqlite3_bind_text64(statement, index, text.data(), text.size(), SQLITE_STATIC,
                                 SQLITE_UTF8);
    }
    default: {
      const Bytes& bytes = std::get<Bytes>(value);
      // A null pointer would bind NULL.
      const void* data = bytes.empty() ? static_cast<const void*>("") : bytes.data();
      return sqlite3_bind_blob64(statement, index, data, bytes.size(), SQLITE_STATIC);
    }
  }
}

// The data base holds hashes of passwords: nobody else on the machine reads it.
void create_private(const std::string& path) {
  const int fd = ::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0) ::close(fd);
}

}  // namespace

Error sqlite_error(sqlite3* handle, int code, const std::string& path, std::string_view sql) {
  const std::string said = handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
  switch (code & 0xff) {
    case SQLITE_FULL:
      return io_error("{}: the disk is full; free some space, nothing was written", path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return make_error(ErrorCode::kUnavailable,
                        "{}: another program holds the data base for writing; try again", path);
    case SQLITE_CONSTRAINT: return conflict("{}", said);
    case SQLITE_CORRUPT:
      return io_error("{}: the data base is damaged ({}); restore a backup", path, said);
    case SQLITE_NOTADB:
      return invalid_input("{}: this file is no data base of SQLite; name another", path);
    case SQLITE_CANTOPEN:
      return io_error("{}: cannot be opened; check that the folder exists and may be written to",
                      path);
    case SQLITE_READONLY:
      return io_error("{}: may not be written to ({}); check its rights", path, said);
    case SQLITE_IOERR:
      return io_error("{}: reading or writing failed ({}); check the disk", path, said);
    case SQLITE_TOOBIG: return invalid_input("a value is too large for the data base: {}", said);
    default: return make_error(ErrorCode::kInternal, "{}: {} in {}", path, said, sql);
  }
}

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open(const std::string& path, Kind kind,
                                                                 int64_t busy_timeout_ms) {
  if (kind == Kind::kWriter) create_private(path);
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(
      path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
      nullptr);
  if (code != SQLITE_OK) {
    Error error = sqlite_error(handle, code, path, "");
    sqlite3_close(handle);
    return error;
  }
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(path, handle));
  TRY(connection->set_up(kind, busy_timeout_ms));
  return connection;
}

SqliteConnection::~SqliteConnection() {
  statements_.clear();
  sqlite3_close(handle_);
}

Status SqliteConnection::set_up(Kind kind, int64_t busy_timeout_ms) {
  sqlite3_busy_timeout(handle_, static_cast<int>(busy_timeout_ms));
  // Foreign files must not run code of ours by their views and triggers.
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  TRY(keep_a_log(busy_timeout_ms));
  // secure_delete: what is deleted or overwritten is not left in the file (Debian's default too).
  TRY(run_script("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;"
                 "PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864"));
  TRY(run_script(fmt::format("PRAGMA wal_autocheckpoint = {}; PRAGMA cache_size = -{}",
                             kLogPagesMax, kind == Kind::kWriter ? kWriterCacheKiB
                                                                 : kReaderCacheKiB)));
  if (kind == Kind::kReader) TRY(run_script("PRAGMA query_only = ON"));
  return {};
}

// The first one to open a new file turns it into one with a write-ahead log. SQLite does not wait
// for others there, since two who each hold a reading lock would wait forever: we let go and ask
// again.
Status SqliteConnection::keep_a_log(int64_t busy_timeout_ms) {
  const auto give_up =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(busy_timeout_ms);
  for (int wait_ms = 1;; wait_ms = std::min(2 * wait_ms, 50)) {
    Status done = run_script("PRAGMA journal_mode = WAL");
    const bool again = !done.ok() && done.error().code() == ErrorCode::kUnavailable &&
                       std::chrono::steady_clock::now() < give_up;
    if (!again) return done;
    std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
  }
}

SqliteConnection::Running::~Running() {
  if (statement_ == nullptr) return;
  sqlite3_reset(handle());
  sqlite3_clear_bindings(handle());
  statement_->running = false;
}

Result<SqliteConnection::Running> SqliteConnection::start(std::string_view sql) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    Statement statement = TRY(prepare(sql));
    if (statements_.size() >= kStatementsMax) {
      std::erase_if(statements_, [](const auto& kept) { return !kept.second.running; });
    }
    found = statements_.emplace(sql, std::move(statement)).first;
  } else if (found->second.running) {
    return Running(std::make_unique<Statement>(TRY(prepare(sql))));
  }
  return Running(found->second);
}

Result<SqliteConnection::Statement> SqliteConnection::prepare(std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  const char* rest = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &raw, &rest);
  Statement statement{std::unique_ptr<sqlite3_stmt, Finalize>(raw), {}};
  if (code != SQLITE_OK) return sqlite_error(handle_, code, path_, sql);
  if (raw == nullptr) return make_error(ErrorCode::kInternal, "no statement in '{}'", sql);
  const std::string_view left(rest, static_cast<size_t>(sql.data() + sql.size() - rest));
  if (left.find_first_not_of(" \n\t;") != std::string_view::npos) {
    return make_error(ErrorCode::kInternal, "more than one statement in '{}'", sql);
  }
  statement.writes = sqlite3_stmt_readonly(raw) == 0;
  const int wanted = sqlite3_bind_parameter_count(raw);
  for (int index = 1; index <= wanted; ++index) {
    const char* name = sqlite3_bind_parameter_name(raw, index);
    const bool is_ours = name != nullptr && name[0] == '$';
    statement.numbers.push_back(is_ours ? std::strtoul(name + 1, nullptr, 10) : 0);
  }
  return statement;
}

// SQLite counts named parameters in the order in which they first appear; ours are counted by name.
Status SqliteConnection::bind(const Statement& statement, std::span<const Value> parameters,
                              std::string_view sql) {
  for (size_t i = 0; i < statement.numbers.size(); ++i) {
    const int index = static_cast<int>(i) + 1;
    const size_t number = statement.numbers[i];
    if (number < 1 || number > parameters.size()) {
      const char* name = sqlite3_bind_parameter_name(statement.handle.get(), index);
      return make_error(ErrorCode::kInternal, "no value for parameter {} of '{}'",
                        name != nullptr ? name : "?", sql);
    }
    const Value& value = parameters[number - 1];
    const auto* text = std::get_if<std::string>(&value);
    if (text != nullptr && text->find('\0') != std::string::npos) {
      return invalid_input("a text holds the character U+0000, which data bases do not keep");
    }
    const int code = bind_one(statement.handle.get(), index, value);
    if (code != SQLITE_OK) return sqlite_error(handle_, code, path_, sql);
  }
  return {};
}

Status SqliteConnection::step_all(sqlite3_stmt* statement, std::string_view sql,
                                  const std::function<Status(Row)>& take) {
  const int columns = sqlite3_column_count(statement);
  for (;;) {
    const int code = sqlite3_step(statement);
    if (code == SQLITE_DONE) return {};
    if (code != SQLITE_ROW) return sqlite_error(handle_, code, path_, sql);
    std::vector<Value> values;
    values.reserve(static_cast<size_t>(columns));
    for (int column = 0; column < columns; ++column) {
      values.push_back(column_value(statement, column));
    }
    TRY(take(Row(std::move(values))));
  }
}

Status SqliteConnection::execute(std::string_view sql, std::span<const Value> parameters,
                                 const std::function<Status(Row)>& take) {
  auto started = start(sql);
  if (!started.ok()) {
    failed_ = true;
    return started.error();
  }
  const Running statement = std::move(started).value();
  wrote_ = wrote_ || (*statement).writes;
  bool taken = true;  // an error of `take` is no failure of a statement
  Status done = bind(*statement, parameters, sql);
  if (done.ok()) {
    done = step_all(statement.handle(), sql, [&](Row row) {
      Status status = take(std::move(row));
      taken = status.ok();
      return status;
    });
  }
  if (!done.ok() && taken) failed_ = true;
  return done;
}

Result<Rows> SqliteConnection::run(std::string_view sql, std::span<const Value> parameters) {
  Rows rows;
  TRY(execute(sql, parameters, [&](Row row) -> Status {
    rows.push_back(std::move(row));
    return {};
  }));
  return rows;
}

Status SqliteConnection::each(std::string_view sql, std::span<const Value> parameters,
                              const std::function<Status(const Row&)>& take) {
  return execute(sql, parameters, [&](Row row) { return take(row); });
}

Status SqliteConnection::command(std::string_view sql) {
  return execute(sql, {}, [](const Row&) -> Status { return {}; });
}

Status SqliteConnection::run_script(const std::string& sql) {
  wrote_ = true;
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) return {};
  failed_ = true;
  return sqlite_error(handle_, code, path_, sql);
}

}  // namespace attune::store
