// A fresh data base for a test, on SQLite and on PostgreSQL. Tests of what is stored run on both:
//
//   class RecordsTest : public store::testing::BothDatabases {};
//   TEST_P(RecordsTest, KeepsOrder) { Database& db = database(); ... }
//   INSTANTIATE_BOTH_DATABASES(RecordsTest);
//
// One cluster of PostgreSQL serves all tests of a program. Where PostgreSQL is not installed, its
// half is skipped, and says so.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/file.h"
#include "server/store/database.h"
#include "tests/support/postgres_cluster.h"

namespace attune::store::testing {

// The cluster of this program, started on first use; nullptr where PostgreSQL is not installed.
attune::testing::PostgresCluster* postgres_cluster();
// The address of a new, empty data base of it.
std::string new_postgres_database();

class BothDatabases : public ::testing::TestWithParam<Dialect> {
 protected:
  void SetUp() override;

  Database& database() { return *database_; }
  const std::string& url() const { return url_; }
  // A second server on the same data.
  std::unique_ptr<Database> open_again() const { return open(url_); }
  static std::unique_ptr<Database> open(const std::string& url);
  // The address of another data base with nothing in it, and one plain connection to an address.
  std::string new_url();
  std::unique_ptr<Connection> connect(const std::string& url) const;
  bool on_sqlite() const { return GetParam() == Dialect::kSqlite; }
  const TemporaryDirectory& directory() const { return directory_; }

 private:
  TemporaryDirectory directory_;
  int urls_made_ = 0;
  std::string url_;
  std::unique_ptr<Database> database_;
};

#define INSTANTIATE_BOTH_DATABASES(fixture)                                             \
  INSTANTIATE_TEST_SUITE_P(                                                             \
      On, fixture,                                                                      \
      ::testing::Values(::attune::store::Dialect::kSqlite,                              \
                        ::attune::store::Dialect::kPostgres),                           \
      [](const auto& suite) {                                                           \
        const bool is_sqlite = suite.param == ::attune::store::Dialect::kSqlite;        \
        return std::string(is_sqlite ? "Sqlite" : "Postgres");                          \
      })

}  // namespace attune::store::testing
