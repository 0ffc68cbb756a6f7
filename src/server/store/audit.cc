#include "server/store/audit.h"

#include <fmt/format.h>

#include "server/domain/identity.h"

namespace attune::store {
namespace {

Value json_or_null(const OrderedJson& json) {
  if (json.is_null()) return nullptr;
  return to_line(json);
}

Result<AuditEntry> entry_of(const Row& row) {
  AuditEntry entry;
  entry.number = row.integer(0);
  entry.user_id = row.text_or_null(1);
  entry.action = row.text(2);
  entry.subject = row.text(3);
  if (!row.is_null(4)) entry.detail = TRY(parse_ordered_json(row.text(4)));
  entry.remote_address = row.text_or_null(5).value_or("");
  entry.request_id = row.text_or_null(6).value_or("");
  entry.at = row.text(7);
  return entry;
}

}  // namespace

Status insert_audit_entry(Connection& connection, const AuditEntry& entry) {
  TRY(connection.run(
      "INSERT INTO audit_log (user_id, action, subject, detail, remote_address, request_id, at) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7)",
      {or_null(entry.user_id), entry.action, entry.subject, json_or_null(entry.detail),
       entry.remote_address, entry.request_id, domain::now()}));
  return {};
}

Result<std::vector<AuditEntry>> list_audit_entries(Connection& connection,
                                                   const AuditFilter& filter) {
  std::string query =
      "SELECT number, user_id, action, subject, detail, remote_address, request_id, at "
      "FROM audit_log WHERE 1 = 1";
  std::vector<Value> values;
  const auto where = [&](const char* condition, Value value) {
    values.push_back(std::move(value));
    query += fmt::format(" AND {} ${}", condition, values.size());
  };
  if (filter.user_id) where("user_id =", *filter.user_id);
  if (filter.action) where("action =", *filter.action);
  if (filter.subject) where("subject =", *filter.subject);
  if (filter.before > 0) where("number <", filter.before);
  values.push_back(filter.limit);
  query += fmt::format(" ORDER BY number DESC LIMIT ${}", values.size());

  std::vector<AuditEntry> entries;
  for (const Row& row : TRY(connection.run(query, values))) {
    entries.push_back(TRY(entry_of(row)));
  }
  return entries;
}

}  // namespace attune::store
