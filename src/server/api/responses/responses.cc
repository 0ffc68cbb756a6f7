// Answers: one by one (/records/{id}/responses, /responses/{id}) and a person's own in bulk.
//
// An answer is checked and written in one write (response_writing.h), which is short, since writes
// of SQLite stand in one queue: what it is checked against is in memory (settings_cache.h).
#include "server/api/audit.h"
#include "server/api/records/record_access.h"
#include "server/api/records/record_body.h"
#include "server/api/records/record_events.h"
#include "server/api/records/record_json.h"
#include "server/api/records/record_parts.h"
#include "server/api/responses/response_writing.h"
#include "server/api/transaction.h"
#include "server/store/completion.h"
#include "server/store/datasets.h"

namespace attune::api {
namespace {

// The one answer of the request's body, for this person.
Answer<domain::ResponseChange> body_of(const Call& call, std::string user_id) {
  const OrderedJson body = TRY(call.body());
  SchemaReader reader(body, "body");
  domain::ResponseChange change = read_response(reader, std::move(user_id));
  TRY(reader.done());
  return change;
}

Answer<http::Response> create_response(const Call& call) {
  const std::string record_id = TRY(call.path_id("record_id"));
  const domain::ResponseChange change = TRY(body_of(call, call.user->id));
  std::vector<Submission> one = {{.record_id = record_id, .change = change}};
  TRY(submit(call, one, WriteRule::kCreateOnly));
  if (one[0].failure) return *one[0].failure;
  return http::json_response(201, to_json(*one[0].response));
}

// An answer and its data set, for who wrote it or an admin.
struct OwnResponse {
  store::PlacedResponse placed;
  domain::Schema schema;
};
Answer<OwnResponse> response_for(const Call& call, store::Connection& connection,
                                 const std::string& id) {
  auto placed = TRY(store::find_response(connection, id));
  if (!placed) return not_found_with_id("Response", id);
  OwnResponse found;
  const bool own = placed->response.user_id == call.user->id;
  found.schema =
      TRY(schema_for(call, connection, placed->dataset_id, own ? Right::kRead : Right::kManage));
  found.placed = std::move(*placed);
  return found;
}

Answer<http::Response> update_response(const Call& call) {
  const std::string id = TRY(call.path_id("response_id"));
  const auto read = [&](store::Connection& connection) -> Answer<OwnResponse> {
    return response_for(call, connection, id);
  };
  const auto found = TRY(answer_read(call.database(), read));
  const domain::Response& before = found.placed.response;
  const domain::ResponseChange change = TRY(body_of(call, *before.user_id));
  std::vector<Submission> one = {
      {.record_id = before.record_id, .change = change, .response_id = before.id}};
  TRY(submit(call, one, WriteRule::kUpdateOnly));
  if (one[0].failure) return *one[0].failure;
  return http::json_response(200, to_json(*one[0].response));
}

Answer<http::Response> delete_response(const Call& call) {
  const std::string id = TRY(call.path_id("response_id"));
  const auto write = [&](store::Connection& connection) -> Answer<OwnResponse> {
    OwnResponse found = TRY(response_for(call, connection, id));
    TRY(store::delete_answer(connection, found.schema, found.placed, authorship_of(call)));
    const auto completed = TRY(store::recompute(connection, found.schema.dataset,
                                                std::span(&found.placed.record, 1)));
    TRY(tell_of_response(call, connection, found.schema, "response.deleted",
                         found.placed.response, completed));
    TRY(store::touch_dataset(connection, found.schema.dataset,
                             found.schema.dataset.last_activity_at));
    TRY(audit_of_others_answer(connection, call, "response.delete", found.placed.response));
    return found;
  };
  const auto deleted = TRY(answer_write(call.database(), write));
  return http::json_response(200, to_json(deleted.placed.response));
}

// The contract's error of one answer among many is a text.
std::string text_of(const Failure& failure) {
  const auto detail = failure.body.find("detail");
  if (detail == failure.body.end()) return to_line(failure.body);
  if (detail->is_string()) return detail->get<std::string>();
  const auto text = OrderedJson::json_pointer("/params/detail");
  return detail->contains(text) ? detail->at(text).get<std::string>() : to_line(*detail);
}

Answer<http::Response> answer_in_bulk(const Call& call) {
  const OrderedJson body = TRY(call.body());
  SchemaReader reader(body, "body");
  std::vector<Submission> all;
  for (SchemaReader& item : reader.objects("items", {.min = 1, .max = kResponsesPerBulk})) {
    Submission one;
    one.record_id = item.id("record_id");
    one.change = read_response(item, call.user->id);
    all.push_back(std::move(one));
  }
  TRY(reader.done());
  TRY(submit(call, all, WriteRule::kAny));
  OrderedJson items = OrderedJson::array();
  for (const Submission& one : all) {
    OrderedJson item = {{"item", nullptr}, {"error", nullptr}};
    if (one.failure) item["error"] = {{"detail", text_of(*one.failure)}};
    if (one.response) item["item"] = to_json(*one.response);
    items.push_back(std::move(item));
  }
  return http::json_response(200, {{"items", std::move(items)}});
}

}  // namespace

void add_response_endpoints(Endpoints& endpoints) {
  using http::Method;
  endpoints.push_back({Method::kPost, "/api/v1/records/{record_id}/responses", Access::kAnyone,
                       "One's own answer to a record", create_response});
  endpoints.push_back({Method::kPut, "/api/v1/responses/{response_id}", Access::kAnyone,
                       "Replaces an answer", update_response});
  endpoints.push_back({Method::kDelete, "/api/v1/responses/{response_id}", Access::kAnyone,
                       "Takes an answer away; its history stays", delete_response});
  endpoints.push_back({Method::kPost, "/api/v1/me/responses/bulk", Access::kAnyone,
                       "One's own answers to 1 to 100 records, each by itself", answer_in_bulk});
}

}  // namespace attune::api
