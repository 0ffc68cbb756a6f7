// One connection to PostgreSQL. Statements stay prepared on the server; not thread-safe.
//
// Parameters are sent with the type of their Value (bigint, double precision, text, bytea), NULL
// without one: a parameter that may be NULL stands where the server knows the type by itself (a
// value of an INSERT or UPDATE, beside a column). Answers: integer types and booleans are int64_t,
// numeric is int64_t where it is whole (a sum of integers), else double.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>
#include <unordered_map>

#include "server/store/database.h"
#include "server/store/postgres_values.h"

namespace attune::store {

class PostgresConnection final : public Connection {
 public:
  static Result<std::unique_ptr<PostgresConnection>> open(const DatabaseOptions& options);
  ~PostgresConnection() override;
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;

  Dialect dialect() const override { return Dialect::kPostgres; }
  using Connection::each;
  using Connection::run;
  Result<Rows> run(std::string_view sql, std::span<const Value> parameters) override;
  Status each(std::string_view sql, std::span<const Value> parameters,
              const std::function<Status(const Row&)>& take) override;
  int64_t changed() const override { return changed_; }
  Status run_script(const std::string& sql) override;

  // Whether the server is still at the other end, as far as is known.
  bool connected() const { return PQstatus(handle_) == CONNECTION_OK; }
  Status reconnect();
  bool in_transaction() const { return PQtransactionStatus(handle_) != PQTRANS_IDLE; }

  // Whether a statement failed since this was last cleared, and whether that was a conflict with
  // another transaction that a second try may not meet.
  bool failed() const { return failed_; }
  bool may_retry() const { return may_retry_; }
  void clear_failed() { failed_ = may_retry_ = false; }

  // "postgresql://user@host:port/name": without a password.
  std::string address() const;

 private:
  struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
  };
  using Answer = std::unique_ptr<PGresult, Clear>;
  PostgresConnection(PGconn* handle, int64_t lock_timeout_ms)
      : handle_(handle), lock_timeout_ms_(lock_timeout_ms) {}
  Status set_up();
  Result<std::string> prepare(std::string_view sql, const PostgresParameters& parameters);
  // The answer, or our error for it.
  Result<Answer> checked(PGresult* result, std::string_view sql);
  Error error_of(const PGresult* result, std::string_view sql);

  PGconn* handle_;
  int64_t lock_timeout_ms_;
  std::unordered_map<std::string, std::string> prepared_;  // text and types -> name
  int64_t statements_made_ = 0;
  int64_t cursors_made_ = 0;
  int64_t changed_ = 0;
  bool failed_ = false, may_retry_ = false;
};

}  // namespace attune::store
