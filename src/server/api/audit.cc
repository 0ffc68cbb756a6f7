#include "server/api/audit.h"

#include "server/api/endpoints.h"
#include "server/api/or_null.h"
#include "server/api/schema_check.h"
#include "server/api/transaction.h"
#include "server/store/audit.h"

namespace attune::api {
namespace {

constexpr const char* kQuery =
    "user_id?:uuid action?:text subject?:text before?:int limit?:int";

OrderedJson entry_json(const store::AuditEntry& entry) {
  return {{"number", entry.number},
          {"user_id", or_null(entry.user_id)},
          {"action", entry.action},
          {"subject", entry.subject},
          {"detail", entry.detail},
          {"remote_address", entry.remote_address},
          {"request_id", entry.request_id},
          {"at", entry.at}};
}

Answer<http::Response> list(const Call& call) {
  const OrderedJson query = query_json(call.request.query);
  SchemaReader reader(query, "query");
  store::AuditFilter filter;
  filter.user_id = reader.id_or_null("user_id");
  filter.action = reader.text_or_null("action");
  filter.subject = reader.text_or_null("subject");
  filter.before = reader.integer_or("before", 0, {.ge = 1});
  filter.limit = reader.integer_or("limit", 100, {.ge = 1, .le = 1000});
  reader.no_others();
  TRY(reader.done());
  const auto entries = TRY(call.database().read([&](store::Connection& connection) {
    return store::list_audit_entries(connection, filter);
  }));
  OrderedJson items = OrderedJson::array();
  for (const store::AuditEntry& entry : entries) items.push_back(entry_json(entry));
  return http::json_response(200, {{"items", std::move(items)}});
}

}  // namespace

Status audit(store::Connection& connection, const Call& call, const std::string& action,
             const std::string& subject, OrderedJson detail) {
  store::AuditEntry entry;
  if (call.user) entry.user_id = call.user->id;
  entry.action = action;
  entry.subject = subject;
  entry.detail = std::move(detail);
  entry.remote_address = call.request.remote_address;
  entry.request_id = call.request.id;
  return store::insert_audit_entry(connection, entry);
}

Status audit_of_others_answer(store::Connection& connection, const Call& call,
                              const std::string& action, const domain::Response& response) {
  if (response.user_id == call.user->id) return {};
  return audit(connection, call, action, response.id,
               {{"record_id", response.record_id}, {"user_id", response.user_id.value_or("")}});
}

void add_audit_endpoints(Endpoints& endpoints) {
  endpoints.push_back({http::Method::kGet, "/api/attune/v1/audit", Access::kOwners,
                       "What was done to accounts, keys, workspaces and data, newest first", list,
                       {{"query", kQuery}, {"response", "AuditEntries"}}});
}

}  // namespace attune::api
