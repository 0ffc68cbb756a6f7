// One connection to an SQLite file. Statements stay prepared; not thread-safe.
#pragma once

#include <sqlite3.h>

#include <memory>
#include <string>
#include <unordered_map>
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

  // Whether a statement failed since this was last cleared.
  bool failed() const { return failed_; }
  void clear_failed() { failed_ = false; }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  struct Statement {
    std::unique_ptr<sqlite3_stmt, Finalize> handle;
    // The number in the name of each of its parameters: SQLite counts them in the order in which
    // they first appear, and looks for a name by going through all of them.
    std::vector<size_t> numbers;
  };

  SqliteConnection(std::string path, sqlite3* handle) : path_(std::move(path)), handle_(handle) {}
  Status set_up(Kind kind, int64_t busy_timeout_ms);
  Status keep_a_log(int64_t busy_timeout_ms);
  // A prepared statement out of the cache, so that a second use of its text while it runs gets one
  // of its own; give_back returns it.
  Result<Statement> borrow(std::string_view sql);
  void give_back(std::string_view sql, Statement statement);
  Result<Statement> prepare(std::string_view sql);
  Status bind(const Statement& statement, std::span<const Value> parameters, std::string_view sql);
  Status execute(std::string_view sql, std::span<const Value> parameters,
                 const std::function<Status(Row)>& take);
  Status step_all(sqlite3_stmt* statement, std::string_view sql,
                  const std::function<Status(Row)>& take);

  std::string path_;
  sqlite3* handle_;
  std::unordered_map<std::string, Statement> statements_;
  bool failed_ = false;
};

}  // namespace attune::store
