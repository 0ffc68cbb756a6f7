// Many records in one call, all of them or none: /datasets/{id}/records/bulk as SDK 2 uses it, and
// POST and PATCH /datasets/{id}/records as SDK 1 does.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "server/api/audit.h"
#include "server/api/endpoints.h"
#include "server/api/records/record_access.h"
#include "server/api/records/record_body.h"
#include "server/api/records/record_check.h"
#include "server/api/records/record_events.h"
#include "server/api/records/record_json.h"
#include "server/api/records/record_parts.h"
#include "server/api/records/records_bulk.h"
#include "server/api/transaction.h"
#include "server/store/records.h"

namespace attune::api {
namespace {

constexpr store::RecordParts kAllParts{.responses = true, .suggestions = true, .vectors = true};

using Changes = std::vector<domain::RecordChange>;
using Prepared = std::vector<store::PreparedRecord>;
using Matched = std::vector<std::optional<domain::Record>>;

// What the verb asks of the records that are there: none for POST, all for PATCH.
Answer<void> check_matches(RecordVerb verb, const Changes& changes, const Matched& matched) {
  std::vector<std::string> wrong;
  for (size_t i = 0; i < changes.size(); ++i) {
    if (verb == RecordVerb::kCreate && matched[i]) wrong.push_back(*changes[i].external_id);
    if (verb == RecordVerb::kUpdate && !matched[i]) wrong.push_back(*changes[i].id);
  }
  if (wrong.empty()) return {};
  const char* text = verb == RecordVerb::kCreate
                         ? "found records with same external ids: {}"
                         : "found records that do not exist in this dataset: {}";
  return detail(422, fmt::format(fmt::runtime(text), fmt::join(wrong, ", ")));
}

Prepared prepare_all(const Changes& changes) {
  Prepared prepared;
  prepared.reserve(changes.size());
  for (const domain::RecordChange& change : changes) prepared.push_back(store::prepare(change));
  return prepared;
}

// What was written, where.
struct Batch {
  domain::Schema schema;
  std::vector<store::WrittenRecord> written;
};

// Who writes records may write answers of others with them.
Status audit_others_answers(const Call& call, store::Connection& connection,
                            const std::string& dataset_id, const Changes& changes) {
  int64_t answers = 0;
  for (const domain::RecordChange& change : changes) {
    answers += std::count_if(
        change.responses.begin(), change.responses.end(),
        [&](const domain::ResponseChange& one) { return one.user_id != call.user->id; });
  }
  if (answers == 0) return {};
  return audit(connection, call, "records.answers", dataset_id, {{"answers", answers}});
}

Answer<Batch> write_batch(const Call& call, store::Connection& connection, RecordVerb verb,
                          const std::string& dataset_id, Changes& changes,
                          const Prepared& prepared) {
  Batch batch;
  batch.schema = TRY(schema_for(call, connection, dataset_id, Right::kManage));
  if (!batch.schema.dataset.published) {
    return detail(422, "records cannot be created for a non published dataset");
  }
  const Matched matched = TRY(store::match_records(connection, batch.schema, changes));
  TRY(check_matches(verb, changes, matched));
  TRY(check_record_changes(connection, batch.schema, changes, matched));
  std::vector<store::RecordWrite> writes;
  for (size_t i = 0; i < changes.size(); ++i) {
    writes.push_back({&changes[i], matched[i] ? &*matched[i] : nullptr, &prepared[i]});
  }
  batch.written =
      TRY(store::write_records(connection, batch.schema, writes, authorship_of(call)));
  TRY(audit_others_answers(call, connection, dataset_id, changes));
  TRY(tell_of_records(call, connection, batch.schema, batch.written));
  return batch;
}

Answer<Batch> run_batch(const Call& call, RecordVerb verb, size_t most) {
  const std::string dataset_id = TRY(call.path_id("dataset_id"));
  const OrderedJson body = TRY(call.body());
  Changes changes = TRY(read_record_changes(body, verb, most, call.user->id));
  const Prepared prepared = prepare_all(changes);
  return answer_write(call.database(), [&](store::Connection& connection) -> Answer<Batch> {
    return write_batch(call, connection, verb, dataset_id, changes, prepared);
  });
}

// The records are read once the write is over: writes of SQLite stand in one queue.
Answer<http::Response> bulk(const Call& call, RecordVerb verb, int status) {
  const Batch batch = TRY(run_batch(call, verb, kRecordsPerBulk));
  std::vector<int64_t> positions;
  for (const store::WrittenRecord& one : batch.written) positions.push_back(one.position);
  const auto read = [&](store::Connection& connection) {
    return store::records_at(connection, batch.schema, positions, kAllParts);
  };
  const auto records = TRY(call.database().read(read));
  OrderedJson items = OrderedJson::array();
  for (const domain::Record& record : records) items.push_back(to_json(record, kAllParts));
  return http::json_response(status, {{"items", std::move(items)}});
}

Answer<http::Response> older_call(const Call& call, RecordVerb verb) {
  TRY(run_batch(call, verb, kRecordsPerOlderCall));
  return http::empty_response(204);
}

}  // namespace

Answer<int64_t> upsert_records(const Call& call, const std::string& dataset_id,
                               const OrderedJson& items, const std::string& action) {
  const OrderedJson body = {{"items", items}};
  Changes changes =
      TRY(read_record_changes(body, RecordVerb::kUpsert, kRecordsPerBulk, call.user->id));
  const Prepared prepared = prepare_all(changes);
  const auto write = [&](store::Connection& connection) -> Answer<Batch> {
    Batch batch =
        TRY(write_batch(call, connection, RecordVerb::kUpsert, dataset_id, changes, prepared));
    TRY(audit(connection, call, action, dataset_id, {{"records", batch.written.size()}}));
    return batch;
  };
  const Batch batch = TRY(answer_write(call.database(), write));
  return static_cast<int64_t>(batch.written.size());
}

void add_record_bulk_endpoints(Endpoints& endpoints) {
  using http::Method;
  const std::string records = "/api/v1/datasets/{dataset_id}/records";
  endpoints.push_back({Method::kPost, records + "/bulk", Access::kAdmins,
                       "Creates 1 to 500 records, all or none", [](const Call& call) {
                         return bulk(call, RecordVerb::kCreate, 201);
                       }});
  endpoints.push_back({Method::kPut, records + "/bulk", Access::kAdmins,
                       "Creates or changes 1 to 500 records by id or external id, all or none",
                       [](const Call& call) { return bulk(call, RecordVerb::kUpsert, 200); }});
  endpoints.push_back({Method::kPost, records, Access::kAdmins,
                       "Creates records as SDK 1 does; answers without them",
                       [](const Call& call) { return older_call(call, RecordVerb::kCreate); }});
  endpoints.push_back({Method::kPatch, records, Access::kAdmins,
                       "Changes records by id as SDK 1 does; suggestions replace all",
                       [](const Call& call) { return older_call(call, RecordVerb::kUpdate); }});
}

}  // namespace attune::api
