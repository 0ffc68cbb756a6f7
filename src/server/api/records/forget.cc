// Deliberate forgetting (store/forget.h), by owners, written to the audit log.
#include "base/log.h"
#include "server/api/audit.h"
#include "server/api/endpoints.h"
#include "server/api/records/record_access.h"
#include "server/api/records/record_body.h"
#include "server/api/transaction.h"
#include "server/store/forget.h"
#include "server/store/records.h"

namespace attune::api {
namespace {

// It is forgotten: what goes wrong afterwards must not keep the counts from the caller.
void erase(const Call& call) {
  const Status erased = call.database().erase_forgotten();
  if (!erased.ok()) {
    log_warning("request {}: {}; what was forgotten may still stand in files", call.request.id,
                erased.error().message());
  }
}

Answer<http::Response> forget_records(const Call& call) {
  const std::string dataset_id = TRY(call.path_id("dataset_id"));
  const OrderedJson body = TRY(call.body());
  SchemaReader reader(body, "body");
  const std::vector<std::string> ids =
      reader.ids("record_ids", {.min = 1, .max = kRecordsPerBulk});
  reader.no_others();
  TRY(reader.done());
  const auto write = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const domain::Schema schema = TRY(schema_for(call, connection, dataset_id, Right::kManage));
    const auto forgotten = store::forget_records(connection, schema, ids);
    if (!forgotten.ok() && forgotten.error().code() == ErrorCode::kNotFound) {
      return detail(404, forgotten.error().message());
    }
    OrderedJson counts = store::to_json(TRY(forgotten));
    TRY(audit(connection, call, "records.forget", dataset_id, {{"record_ids", ids}}));
    return counts;
  };
  const OrderedJson counts = TRY(answer_write(call.database(), write));
  erase(call);
  return http::json_response(200, counts);
}

Answer<http::Response> forget_person(const Call& call) {
  const std::string id = TRY(call.path_id("user_id"));
  const auto write = [&](store::Connection& connection) -> Answer<OrderedJson> {
    OrderedJson counts = store::to_json(TRY(store::forget_person(connection, id)));
    TRY(audit(connection, call, "user.forget", id));
    return counts;
  };
  const OrderedJson counts = TRY(answer_write(call.database(), write));
  erase(call);
  return http::json_response(200, counts);
}

}  // namespace

void add_forget_endpoints(Endpoints& endpoints) {
  using http::Method;
  endpoints.push_back({Method::kPost, "/api/attune/v1/datasets/{dataset_id}/records/forget",
                       Access::kOwners,
                       "Replaces all content of up to 500 records by tombstones, for good",
                       forget_records});
  endpoints.push_back({Method::kPost, "/api/attune/v1/users/{user_id}/forget", Access::kOwners,
                       "Replaces all that a person said by tombstones, for good", forget_person});
}

}  // namespace attune::api
