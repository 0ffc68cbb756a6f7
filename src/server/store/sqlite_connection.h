// One connection to an SQLite file. Statements stay prepared; not thread-safe.
#pragma once

#include <sqlite3.h>

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/store/database.h"

namespace attune::store {

// How the error of SQLite reads to us; `path` names the file.
Error sqlite_error(sqlite3* handle, int code, const std::string& path, std::string_view sql);

class SqliteConnection final : public Connection {
 public:
  enum class Kind { kWriter, kReader };

  // Creates the file (readable by its owner alone) where there is none.
  static Result<std::unique_ptr<SqliteConnection>> open(const std::string& path, Kind kind,
                                                        int64_t busy_timeout_ms);
  ~SqliteConnection() override;
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  Dialect dialect() const override { return Dialect::kSqlite; }
  using Connection::each;
  using Connection::run;
  Result<Rows> run(std::string_view sql, std::span<const Value> parameters) override;
  Status each(std::string_view sql, std::span<const Value> parameters,
              const std::function<Status(const Row&)>& take) override;
  int64_t changed() const override { return sqlite3_changes64(handle_); }
  Status run_script(const std::string& sql) override;
  // BEGIN, COMMIT, SAVEPOINT ...
  Status command(std::string_view sql);

  sqlite3* handle() const { return handle_; }
  const std::string& path() const { return path_; }
  // Whether BEGIN stands; some errors (a full disk) end a transaction by themselves.
  bool in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

  // Whether a statement failed, and whether one ran that may change something, since these marks
  // were last cleared.
  bool failed() const { return failed_; }
  bool wrote() const { return wrote_; }
  void clear_marks() { failed_ = wrote_ = false; }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  struct Statement {
    std::unique_ptr<sqlite3_stmt, Finalize> handle;
    // The number in the name of each of its parameters: SQLite counts them in the order in which
    // they first appear, and looks for a name by going through all of them.
    std::vector<size_t> numbers;
    bool writes = false, running = false;
  };
  // A text's statement while it runs: the one that is kept, or, while that runs already, one of its
  // own.
  class Running {
   public:
    explicit Running(Statement& kept) : statement_(&kept) { kept.running = true; }
    explicit Running(std::unique_ptr<Statement> own)
        : own_(std::move(own)), statement_(own_.get()) {}
    Running(Running&& other) noexcept
        : own_(std::move(other.own_)), statement_(std::exchange(other.statement_, nullptr)) {}
    Running& operator=(Running&&) = delete;
    ~Running();
    const Statement& operator*() const { return *statement_; }
    sqlite3_stmt* handle() const { return statement_->handle.get(); }

   private:
    std::unique_ptr<Statement> own_;
    Statement* statement_;
  };
  // So that looking for a text copies nothing.
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  SqliteConnection(std::string path, sqlite3* handle) : path_(std::move(path)), handle_(handle) {}
  Status set_up(Kind kind, int64_t busy_timeout_ms);
  Status keep_a_log(int64_t busy_timeout_ms);
  Result<Running> start(std::string_view sql);
  Result<Statement> prepare(std::string_view sql);
  Status bind(const Statement& statement, std::span<const Value> parameters, std::string_view sql);
  Status execute(std::string_view sql, std::span<const Value> parameters,
                 const std::function<Status(Row)>& take);
  Status step_all(sqlite3_stmt* statement, std::string_view sql,
                  const std::function<Status(Row)>& take);

  std::string path_;
  sqlite3* handle_;
  std::unordered_map<std::string, Statement, TextHash, std::equal_to<>> statements_;
  bool failed_ = false, wrote_ = false;
};

}  // namespace attune::store
