#include "tests/support/both_databases.h"

#include <atomic>

#include "server/store/postgres_connection.h"
#include "server/store/sqlite_connection.h"

namespace attune::store::testing {
namespace {

using attune::testing::PostgresCluster;

}  // namespace

PostgresCluster* postgres_cluster() {
  static const std::unique_ptr<PostgresCluster> cluster = [] {
    std::unique_ptr<PostgresCluster> none;
    return PostgresCluster::programs() ? PostgresCluster::start().value() : std::move(none);
  }();
  return cluster.get();
}

std::string new_postgres_database() {
  static std::atomic<int> made = 0;
  const std::string name = fmt::format("test_{}", ++made);
  auto connection =
      PostgresConnection::open({.url = postgres_cluster()->url("postgres")}).value();
  connection->run_script("CREATE DATABASE " + name).value();
  return postgres_cluster()->url(name);
}

std::unique_ptr<Database> BothDatabases::open(const std::string& url) {
  return Database::open({.url = url, .readers = 4, .writers = 4, .busy_timeout_ms = 10'000})
      .value();
}

std::string BothDatabases::new_url() {
  if (!on_sqlite()) return new_postgres_database();
  return "sqlite:" + directory_.file(fmt::format("attune-{}.db", ++urls_made_));
}

std::unique_ptr<Connection> BothDatabases::connect(const std::string& url) const {
  if (!on_sqlite()) return PostgresConnection::open({.url = url}).value();
  return SqliteConnection::open(url.substr(7), SqliteConnection::Kind::kWriter, 10'000).value();
}

void BothDatabases::SetUp() {
  if (!on_sqlite() && postgres_cluster() == nullptr) {
    GTEST_SKIP() << "PostgreSQL is not installed";
  }
  url_ = new_url();
  database_ = open(url_);
}

}  // namespace attune::store::testing
