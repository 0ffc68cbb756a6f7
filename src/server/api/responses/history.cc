// What was: earlier answers with undo, earlier versions of records (/api/attune/v1).
#include "server/api/audit.h"
#include "server/api/endpoints.h"
#include "server/api/or_null.h"
#include "server/api/records/record_access.h"
#include "server/api/records/record_events.h"
#include "server/api/records/record_json.h"
#include "server/api/records/record_parts.h"
#include "server/api/transaction.h"
#include "server/store/completion.h"
#include "server/store/record_history.h"
#include "server/store/responses.h"

namespace attune::api {
namespace {

OrderedJson entry_json(const store::HistoryEntry& entry) {
  return {{"number", entry.number},
          {"response_id", entry.response_id},
          {"record_id", entry.record_id},
          {"user_id", entry.user_id},
          {"author_id", entry.author_id},
          {"action", entry.action},
          {"status", to_string(entry.status)},
          {"values", entry.values},
          {"guideline_version", or_null(entry.guideline_version)},
          {"seconds_spent", or_null(entry.seconds_spent)},
          {"shown_order", entry.shown_order},
          {"client", or_null(entry.client)},
          {"at", entry.at}};
}

OrderedJson entries_json(const std::vector<store::HistoryEntry>& entries, const Call& call) {
  OrderedJson items = OrderedJson::array();
  for (const store::HistoryEntry& one : entries) {
    if (sees_own_answers_only(call) && one.user_id != call.user->id) continue;
    items.push_back(entry_json(one));
  }
  return {{"items", std::move(items)}};
}

Answer<http::Response> answers_of_record(const Call& call) {
  const std::string id = TRY(call.path_id("record_id"));
  const auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    TRY(record_for(call, connection, id, Right::kRead));
    return entries_json(TRY(store::history_of_record(connection, id)), call);
  };
  const OrderedJson json = TRY(answer_read(call.database(), read));
  return http::json_response(200, json);
}

// The data set of an answer's history, for whose it is or who may do `others` with those of others.
Answer<domain::Schema> history_for(const Call& call, store::Connection& connection,
                                   const std::string& response_id, Right others) {
  const auto place = TRY(store::find_history(connection, response_id));
  if (!place) return not_found_with_id("Response", response_id);
  const bool own = place->user_id == call.user->id;
  return schema_for(call, connection, place->dataset_id, own ? Right::kRead : others);
}

Answer<http::Response> history_of_answer(const Call& call) {
  const std::string id = TRY(call.path_id("response_id"));
  const auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    TRY(history_for(call, connection, id, Right::kReview));
    return entries_json(TRY(store::history_of_response(connection, id)), call);
  };
  const OrderedJson json = TRY(answer_read(call.database(), read));
  return http::json_response(200, json);
}

Answer<http::Response> undo(const Call& call) {
  const std::string id = TRY(call.path_id("response_id"));
  const auto write = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const domain::Schema schema = TRY(history_for(call, connection, id, Right::kManage));
    const auto entries = TRY(store::history_of_response(connection, id));
    const auto now = TRY(store::undo_answer(connection, schema, id, authorship_of(call)));
    const auto place = TRY(store::find_record(connection, entries.back().record_id));
    CHECK(place.has_value(), "record of an answer that was just taken back");
    const auto completed = TRY(
        store::recompute(connection, schema.dataset, std::span(&place->position, 1)));
    domain::Response told;  // of one that is gone: the last that it was
    told.id = id;
    told.record_id = entries.back().record_id;
    told.user_id = entries.back().user_id;
    told.values = entries.back().values;
    TRY(tell_of_response(call, connection, schema,
                         now ? "response.updated" : "response.deleted", now ? *now : told,
                         completed));
    TRY(audit_of_others_answer(connection, call, "response.undo", now ? *now : told));
    return OrderedJson{{"response", now ? to_json(*now) : OrderedJson(nullptr)}};
  };
  const OrderedJson json = TRY(answer_write(call.database(), write));
  return http::json_response(200, json);
}

Answer<http::Response> versions(const Call& call) {
  const std::string id = TRY(call.path_id("record_id"));
  const auto read = [&](store::Connection& connection) -> Answer<OrderedJson> {
    const auto dataset_id = TRY(store::dataset_of_record(connection, id));
    if (!dataset_id) return not_found_with_id("Record", id);
    TRY(schema_for(call, connection, *dataset_id, Right::kManage));
    OrderedJson all = OrderedJson::array();
    for (const store::RecordVersion& one :
         TRY(store::versions_of_record(connection, id))) {
      all.push_back({{"number", one.number},
                     {"fields", one.fields},
                     {"metadata", one.metadata},
                     {"external_id", or_null(one.external_id)},
                     {"changed_by", one.author_id},
                     {"changed_at", one.at}});
    }
    return all;
  };
  const OrderedJson items = TRY(answer_read(call.database(), read));
  return http::json_response(200, {{"items", items}});
}

}  // namespace

void add_history_endpoints(Endpoints& endpoints) {
  using http::Method;
  const std::string root = "/api/attune/v1";
  endpoints.push_back({Method::kGet, root + "/records/{record_id}/responses/history",
                       Access::kAnyone, "Every answer there ever was to a record, oldest first",
                       answers_of_record});
  endpoints.push_back({Method::kGet, root + "/responses/{response_id}/history", Access::kAnyone,
                       "Every version of an answer, oldest first", history_of_answer});
  endpoints.push_back({Method::kPost, root + "/responses/{response_id}/undo", Access::kAnyone,
                       "Takes back the last change of an answer; again: the one before", undo});
  endpoints.push_back({Method::kGet, root + "/records/{record_id}/versions", Access::kAdmins,
                       "What a record was before each change of its content and its deletion",
                       versions});
}

}  // namespace attune::api
