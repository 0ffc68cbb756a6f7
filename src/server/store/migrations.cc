#include "server/store/migrations.h"

#include <algorithm>
#include <string>

#include "base/log.h"
#include "base/sha256.h"
#include "server/store/dialect.h"
#include "server/store/schema.h"

namespace attune::store {
namespace {

// "attune" as a number: the key of PostgreSQL's advisory lock.
constexpr const char* kLock = "SELECT pg_advisory_xact_lock(107150137286245)";

bool on_sqlite(const Connection& connection) { return connection.dialect() == Dialect::kSqlite; }

Result<bool> has_table_like(Connection& connection, const std::string& pattern) {
  const Rows rows = TRY(connection.run(
      on_sqlite(connection)
          ? "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name LIKE $1"
          : "SELECT count(*) FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND "
            "table_schema = current_schema() AND table_name LIKE $1",
      {pattern}));
  return rows.at(0).integer(0) > 0;
}

// How many of the versions are applied; an error where they are not ours.
Result<size_t> applied(Connection& connection, std::span<const SchemaVersion> versions) {
  if (!TRY(has_table_like(connection, "schema_versions"))) return size_t{0};
  const Rows rows =
      TRY(connection.run("SELECT version, checksum FROM schema_versions ORDER BY version"));
  for (size_t i = 0; i < rows.size(); ++i) {
    const int64_t number = rows[i].integer(0);
    if (i >= versions.size()) {
      return unsupported(
          "the data base has schema {}, this program knows {}: a newer attune made it; use that "
          "one, or restore the backup from before the upgrade",
          rows.back().integer(0), versions.size());
    }
    const std::string sql = in_dialect(versions[i].sql, connection.dialect());
    if (number != versions[i].number || rows[i].text(1) != sha256_hex(sql)) {
      return invalid_input(
          "schema {} of the data base is not the one of this program (another checksum): it was "
          "made by a build that was never released; export the data with that build and import it",
          number);
    }
  }
  return rows.size();
}

Status apply_missing(Connection& connection, std::span<const SchemaVersion> versions) {
  if (!on_sqlite(connection)) TRY(connection.run(kLock));
  const size_t done = TRY(applied(connection, versions));
  // Asked under the lock: before it, the tables could be those of a server that starts beside us.
  if (done == 0 && TRY(has_table_like(connection, "%"))) {
    return invalid_input("the data base holds tables of another program; name an empty one");
  }
  TRY(connection.run_script("CREATE TABLE IF NOT EXISTS schema_versions ("
                            "version BIGINT PRIMARY KEY, checksum TEXT NOT NULL)"));
  for (const SchemaVersion& version : versions.subspan(done)) {
    const std::string sql = in_dialect(version.sql, connection.dialect());
    TRY(connection.run_script(sql));
    TRY(connection.run("INSERT INTO schema_versions (version, checksum) VALUES ($1, $2)",
                       {int64_t{version.number}, sha256_hex(sql)}));
  }
  if (done > 0 && done < versions.size()) {
    log_info("data base: schema {} upgraded to {}", versions[done - 1].number,
             versions.back().number);
  }
  return {};
}

}  // namespace

std::span<const SchemaVersion> schema_versions() {
  static const SchemaVersion versions[] = {
      {1, kSchema1}, {2, kSchema2}, {3, kSchema3}, {4, kSchema4}};
  return versions;
}

Status migrate(Connection& connection, std::span<const SchemaVersion> versions) {
  if (TRY(applied(connection, versions)) == versions.size()) return {};
  TRY(connection.run_script(on_sqlite(connection) ? "BEGIN IMMEDIATE" : "BEGIN"));
  Status done = apply_missing(connection, versions);
  if (done.ok()) done = connection.run_script("COMMIT");
  if (!done.ok()) (void)connection.run_script("ROLLBACK");
  return done;
}

}  // namespace attune::store
