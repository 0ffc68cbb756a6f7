#include "server/store/postgres_connection.h"

#include <algorithm>
#include <cstdlib>

namespace attune::store {
namespace {

constexpr size_t kStatementsMax = 500;  // searches write their own SQL
constexpr int kOldestServer = 150000;

std::string one_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  std::erase(text, '\t');
  return text;
}

void drop_notice(void*, const PGresult*) {}

}  // namespace

Result<std::unique_ptr<PostgresConnection>> PostgresConnection::open(
    const DatabaseOptions& options) {
  PGconn* handle = PQconnectdb(options.url.c_str());
  CHECK(handle != nullptr, "out of memory");
  std::unique_ptr<PostgresConnection> connection(
      new PostgresConnection(handle, options.busy_timeout_ms));
  TRY(connection->set_up());
  return connection;
}

PostgresConnection::~PostgresConnection() { PQfinish(handle_); }

std::string PostgresConnection::address() const {
  const auto part = [](const char* text) { return text != nullptr ? text : ""; };
  return fmt::format("postgresql://{}@{}:{}/{}", part(PQuser(handle_)), part(PQhost(handle_)),
                     part(PQport(handle_)), part(PQdb(handle_)));
}

Status PostgresConnection::set_up() {
  if (!connected()) {
    return make_error(ErrorCode::kUnavailable,
                      "{}: no connection ({}); check that the server runs and lets us in",
                      address(), one_line(PQerrorMessage(handle_)));
  }
  if (PQserverVersion(handle_) < kOldestServer) {
    return unsupported("{}: this server is PostgreSQL {}; 15 or newer is needed", address(),
                       PQserverVersion(handle_) / 10000);
  }
  PQsetNoticeReceiver(handle_, drop_notice, nullptr);
  // What is acknowledged has reached the disk, whatever the server's default.
  return run_script(fmt::format("SET client_encoding = 'UTF8'; SET synchronous_commit = on;"
                                "SET lock_timeout = {}",
                                lock_timeout_ms_));
}

Status PostgresConnection::reconnect() {
  prepared_.clear();
  PQreset(handle_);
  return set_up();
}

Error PostgresConnection::error_of(const PGresult* result, std::string_view sql) {
  failed_ = true;
  if (!connected()) {
    return make_error(ErrorCode::kUnavailable, "{}: the connection was lost ({}); try again",
                      address(), one_line(PQerrorMessage(handle_)));
  }
  const char* field = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string_view state = field != nullptr ? field : "";
  const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const std::string said = one_line(primary != nullptr ? primary : PQerrorMessage(handle_));
  if (state == "40001" || state == "40P01") {
    may_retry_ = true;
    return make_error(ErrorCode::kUnavailable, "another write was in the way ({}); try again",
                      said);
  }
  if (state.starts_with("23")) return conflict("{}", said);
  if (state.starts_with("22")) return invalid_input("the data base cannot keep a value: {}", said);
  if (state == "53100") {
    return io_error("{}: the server's disk is full; free some space", address());
  }
  if (state == "55P03") {
    return make_error(ErrorCode::kUnavailable,
                      "{}: another program holds the data base for writing; try again", address());
  }
  if (state == "XX001" || state == "XX002") {
    return io_error("{}: the data base is damaged ({}); restore a backup", address(), said);
  }
  if (state.starts_with("08") || state.starts_with("53") || state.starts_with("57")) {
    return make_error(ErrorCode::kUnavailable, "{}: {}; try again", address(), said);
  }
  return make_error(ErrorCode::kInternal, "{}: {} ({}) in {}", address(), said, state, sql);
}

Result<PostgresConnection::Answer> PostgresConnection::checked(PGresult* result,
                                                               std::string_view sql) {
  Answer answer(result);
  const ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return answer;
  return error_of(result, sql);
}

Result<std::string> PostgresConnection::prepare(std::string_view sql,
                                                const PostgresParameters& parameters) {
  const std::string key = parameters.signature() + ' ' + std::string(sql);
  const auto found = prepared_.find(key);
  if (found != prepared_.end()) return found->second;
  if (prepared_.size() >= kStatementsMax) {
    prepared_.clear();
    TRY(run_script("DEALLOCATE ALL"));
  }
  const std::string name = fmt::format("s{}", ++statements_made_);
  TRY(checked(PQprepare(handle_, name.c_str(), std::string(sql).c_str(), parameters.count(),
                        parameters.types()),
              sql));
  prepared_.emplace(key, name);
  return name;
}

Result<Rows> PostgresConnection::run(std::string_view sql, std::span<const Value> parameters) {
  const PostgresParameters sent(parameters);
  const std::string name = TRY(prepare(sql, sent));
  const Answer answer =
      TRY(checked(PQexecPrepared(handle_, name.c_str(), sent.count(), sent.values(),
                                 sent.lengths(), sent.formats(), 0),
                  sql));
  changed_ = std::strtoll(PQcmdTuples(answer.get()), nullptr, 10);
  Rows rows;
  rows.reserve(static_cast<size_t>(PQntuples(answer.get())));
  for (int row = 0; row < PQntuples(answer.get()); ++row) {
    rows.push_back(postgres_row(answer.get(), row));
  }
  return rows;
}

// A cursor: the answer comes in pieces, and other statements may run between them.
Status PostgresConnection::each(std::string_view sql, std::span<const Value> parameters,
                                const std::function<Status(const Row&)>& take) {
  const PostgresParameters sent(parameters);
  const std::string name = fmt::format("c{}", ++cursors_made_);
  const std::string declare = fmt::format("DECLARE {} NO SCROLL CURSOR FOR {}", name, sql);
  TRY(checked(PQexecParams(handle_, declare.c_str(), sent.count(), sent.types(), sent.values(),
                           sent.lengths(), sent.formats(), 0),
              sql));
  const std::string fetch = fmt::format("FETCH FORWARD 500 FROM {}", name);
  for (int rows = 1; rows > 0;) {
    const Answer answer = TRY(checked(PQexec(handle_, fetch.c_str()), sql));
    rows = PQntuples(answer.get());
    for (int row = 0; row < rows; ++row) TRY(take(postgres_row(answer.get(), row)));
  }
  return run_script("CLOSE " + name);
}

Status PostgresConnection::run_script(const std::string& sql) {
  TRY(checked(PQexec(handle_, sql.c_str()), sql));
  return {};
}

}  // namespace attune::store
