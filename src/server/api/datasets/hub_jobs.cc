// The contract's jobs that move a data set from or to a hub. This server reaches no hub: it says so
// and what to do instead, before anything is queued. Jobs that exist are told of by their state.
#include <fmt/format.h>

#include "server/api/datasets/dataset_access.h"
#include "server/api/endpoints.h"
#include "server/api/schema_check.h"
#include "server/api/transaction.h"

namespace attune::api {
namespace {

Answer<void> may_manage(const Call& call) {
  const std::string id = TRY(call.path_id("dataset_id"));
  return answer_read(call.database(), [&](store::Connection& connection) -> Answer<void> {
    TRY(schema_for(call, connection, id, Right::kManage));
    return {};
  });
}

Answer<http::Response> import_from_hub(const Call& call) {
  TRY(may_manage(call));
  const OrderedJson body = TRY(call.body());
  SchemaReader reader(body, "body");
  reader.text("name");
  reader.text("subset");
  reader.text("split");
  SchemaReader mapping = reader.object("mapping");
  mapping.objects("fields", {.min = 1});
  TRY(reader.done());
  return detail(422,
                "this server does not read data sets from a hub. Run `attune import --data FILE "
                "--dataset http://HOST:PORT/WORKSPACE/NAME`, or send records to "
                "PUT /api/v1/datasets/{dataset_id}/records/bulk");
}

Answer<http::Response> export_to_hub(const Call& call) {
  TRY(may_manage(call));
  const OrderedJson body = TRY(call.body());
  SchemaReader reader(body, "body");
  reader.text("name", {.min = 1});
  reader.text("token", {.min = 1});
  TRY(reader.done());
  return detail(422,
                "this server does not write data sets to a hub. Run `attune export`, or read "
                "GET /api/attune/v1/datasets/{dataset_id}/export, and upload the file");
}

// The contract's word for a state of ours.
std::string contract_status(const std::string& status) {
  if (status == "leased" || status == "running") return "started";
  if (status == "succeeded") return "finished";
  if (status == "cancelled") return "canceled";
  return status;  // queued, failed
}

Answer<http::Response> get_job(const Call& call) {
  const std::string& id = call.request.path_values.find("job_id")->second;
  const auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const store::Rows rows =
        TRY(connection.run("SELECT status, user_id FROM jobs WHERE id = $1", {id}));
    if (rows.empty()) return not_found_with_id("Job", id);
    const bool own = rows[0].text_or_null(1) == call.user->id;
    if (!own && call.user->role != domain::Role::kOwner) return forbidden();
    return OrderedJson{{"id", id}, {"status", contract_status(rows[0].text(0))}};
  };
  const OrderedJson json = TRY(answer_read(call.database(), read));
  return http::json_response(200, json);
}

}  // namespace

void add_hub_job_endpoints(Endpoints& endpoints) {
  using http::Method;
  endpoints.push_back({Method::kPost, "/api/v1/datasets/{dataset_id}/import", Access::kAdmins,
                       "Refused: this server reads from no hub", import_from_hub});
  endpoints.push_back({Method::kPost, "/api/v1/datasets/{dataset_id}/export", Access::kAdmins,
                       "Refused: this server writes to no hub", export_to_hub});
  endpoints.push_back({Method::kGet, "/api/v1/jobs/{job_id}", Access::kAdmins,
                       "The state of one's own job", get_job});
}

}  // namespace attune::api
