// Records one by one, and the list that SDKs read: /datasets/{id}/records, /records/{id}.
#include "server/api/audit.h"
#include "server/api/endpoints.h"
#include "server/api/records/blindness.h"
#include "server/api/records/record_access.h"
#include "server/api/records/record_body.h"
#include "server/api/records/record_check.h"
#include "server/api/records/record_events.h"
#include "server/api/records/record_json.h"
#include "server/api/records/record_parts.h"
#include "server/api/transaction.h"
#include "server/store/record_history.h"
#include "server/store/records.h"

namespace attune::api {
namespace {

constexpr store::RecordParts kAllParts{.responses = true, .suggestions = true, .vectors = true};

Answer<http::Response> get_record(const Call& call) {
  const std::string id = TRY(call.path_id("record_id"));
  const auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const PlacedRecord place = TRY(record_for(call, connection, id, Right::kRead));
    store::RecordParts parts = kAllParts;
    if (sees_own_answers_only(call)) parts.responses_of = call.user->id;
    auto found = TRY(store::records_at(connection, place.schema,
                                       std::span(&place.position, 1), parts));
    CHECK(found.size() == 1, "record {} left within one snapshot", id);
    if (!sees_all_metadata(call)) hide_metadata(place.schema, found[0]);
    if (TRY(works_blind(call, connection, place.schema.dataset))) hide_suggesters(found[0]);
    return to_json(found[0], parts);
  };
  const OrderedJson json = TRY(answer_read(call.database(), read));
  return http::json_response(200, json);
}

Answer<OrderedJson> change_record(const Call& call, store::Connection& connection,
                              const std::string& id, domain::RecordChange& change) {
  const PlacedRecord place = TRY(record_for(call, connection, id, Right::kManage));
  const std::span<const int64_t> position(&place.position, 1);
  const auto before = TRY(store::records_at(connection, place.schema, position, {}));
  CHECK(before.size() == 1, "record {} left within one transaction", id);
  TRY(check_record_change(connection, place.schema, change, &before[0]));
  const store::RecordWrite write{&change, &before[0]};
  const auto written = TRY(store::write_records(connection, place.schema, std::span(&write, 1),
                                                authorship_of(call)));
  TRY(tell_of_records(call, connection, place.schema, written));
  const auto after = TRY(store::records_at(connection, place.schema, position, kAllParts));
  return to_json(after.at(0), kAllParts);
}

Answer<http::Response> patch_record(const Call& call) {
  const std::string id = TRY(call.path_id("record_id"));
  const OrderedJson body = TRY(call.body());
  SchemaReader reader(body, "body");
  domain::RecordChange change = read_record_change(reader, RecordVerb::kUpdate, call.user->id);
  TRY(reader.done());
  const auto write = [&](store::Connection& connection) -> Answer<OrderedJson> {
    return change_record(call, connection, id, change);
  };
  const OrderedJson changed = TRY(answer_write(call.database(), write));
  return http::json_response(200, changed);
}

// What they were stays in their history, as after a change; forgetting finds it there.
Answer<std::vector<domain::Record>> delete_these(const Call& call, store::Connection& connection,
                                                 const domain::Schema& schema,
                                                 std::span<const std::string> ids) {
  auto records = TRY(store::records_with_ids(connection, schema, ids));
  if (records.empty()) return records;
  TRY(tell_of_deleted_records(call, connection, schema, records));
  std::vector<const domain::Record*> last;
  OrderedJson deleted = OrderedJson::array();
  for (const domain::Record& record : records) {
    last.push_back(&record);
    deleted.push_back(record.id);
  }
  TRY(store::keep_versions(connection, schema.dataset.position, last, call.user->id));
  TRY(store::delete_records(connection, schema, records));
  TRY(audit(connection, call, "records.delete", schema.dataset.id,
            {{"record_ids", std::move(deleted)}}));
  return records;
}

Answer<http::Response> delete_record(const Call& call) {
  const std::string id = TRY(call.path_id("record_id"));
  using Records = std::vector<domain::Record>;
  const auto write = [&](store::Connection& connection) -> Answer<Records> {
    const PlacedRecord place = TRY(record_for(call, connection, id, Right::kManage));
    return delete_these(call, connection, place.schema, std::span(&id, 1));
  };
  const Records deleted = TRY(answer_write(call.database(), write));
  return http::json_response(200, to_json(deleted.at(0), {}));
}

Answer<http::Response> delete_records(const Call& call) {
  const std::string dataset_id = TRY(call.path_id("dataset_id"));
  const std::vector<std::string> ids = TRY(read_ids(query_json(call.request.query)));
  const auto write = [&](store::Connection& connection) -> Answer<void> {
    const domain::Schema schema = TRY(schema_for(call, connection, dataset_id, Right::kManage));
    TRY(delete_these(call, connection, schema, ids));
    return {};
  };
  TRY(answer_write(call.database(), write));
  return http::empty_response(204);
}

}  // namespace

void add_record_endpoints(Endpoints& endpoints) {
  using http::Method;
  endpoints.push_back({Method::kDelete, "/api/v1/datasets/{dataset_id}/records", Access::kAdmins,
                       "Deletes up to 100 records by ?ids=id,id", delete_records});
  endpoints.push_back({Method::kGet, "/api/v1/records/{record_id}", Access::kAnyone,
                       "A record with its suggestions, vectors and the answers that one may see",
                       get_record});
  endpoints.push_back({Method::kPatch, "/api/v1/records/{record_id}", Access::kAdmins,
                       "Changes fields, metadata, vectors; suggestions replace all",
                       patch_record});
  endpoints.push_back({Method::kDelete, "/api/v1/records/{record_id}", Access::kAdmins,
                       "Deletes a record", delete_record});
}

}  // namespace attune::api
