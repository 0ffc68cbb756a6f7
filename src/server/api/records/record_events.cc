#include "server/api/records/record_events.h"

#include "server/api/accounts/user_json.h"
#include "server/api/datasets/dataset_json.h"
#include "server/api/events.h"
#include "server/api/records/record_json.h"
#include "server/store/users.h"

namespace attune::api {
namespace {

Result<OrderedJson> record_payload(store::Connection& connection, const domain::Schema& schema,
                                   const domain::Record& record, const store::RecordParts& parts) {
  OrderedJson json = to_json(record, parts);
  json["dataset"] = TRY(dataset_event_json(connection, schema));
  return json;
}

// An event about the record at this position as it is now.
Status emit_record(const Call& call, store::Connection& connection, const domain::Schema& schema,
                   std::string_view event, int64_t position) {
  return call.services.events->emit(
      connection, event, [&](store::Connection& inside) -> Result<OrderedJson> {
        constexpr store::RecordParts kParts{.suggestions = true};
        const auto records =
            TRY(store::records_at(inside, schema, std::span(&position, 1), kParts));
        if (records.empty()) return not_found("record at position {}", position);
        return record_payload(inside, schema, records[0], kParts);
      });
}

Result<OrderedJson> response_payload(store::Connection& connection, const domain::Schema& schema,
                                     const domain::Response& response) {
  OrderedJson json = to_json(response);
  const auto place = TRY(store::find_record(connection, response.record_id));
  if (place) {
    const auto records =
        TRY(store::records_at(connection, schema, std::span(&place->position, 1), {}));
    if (!records.empty()) json["record"] = TRY(record_payload(connection, schema, records[0], {}));
  }
  const auto user = TRY(store::find_user(connection, response.user_id.value_or("")));
  json["user"] = nullptr;
  if (user) {
    json["user"] = user_json(*user, "");
    json["user"].erase("api_key");
  }
  return json;
}

}  // namespace

Answer<void> tell_of_records(const Call& call, store::Connection& connection,
                             const domain::Schema& schema,
                             std::span<const store::WrittenRecord> written) {
  if (call.services.events == nullptr) return {};
  for (const store::WrittenRecord& one : written) {
    TRY(emit_record(call, connection, schema, one.is_new ? "record.created" : "record.updated",
                    one.position));
    if (!one.completed_now) continue;
    TRY(emit_record(call, connection, schema, "record.completed", one.position));
  }
  return {};
}

Answer<void> tell_of_deleted_records(const Call& call, store::Connection& connection,
                                     const domain::Schema& schema,
                                     std::span<const domain::Record> records) {
  if (call.services.events == nullptr) return {};
  for (const domain::Record& record : records) {
    TRY(call.services.events->emit(connection, "record.deleted", [&](store::Connection& inside) {
      return record_payload(inside, schema, record, {});
    }));
  }
  return {};
}

Answer<void> tell_of_response(const Call& call, store::Connection& connection,
                              const domain::Schema& schema, std::string_view event,
                              const domain::Response& response,
                              std::span<const int64_t> completed) {
  if (call.services.events == nullptr) return {};
  TRY(call.services.events->emit(connection, event, [&](store::Connection& inside) {
    return response_payload(inside, schema, response);
  }));
  for (const int64_t position : completed) {
    TRY(emit_record(call, connection, schema, "record.completed", position));
  }
  return {};
}

}  // namespace attune::api
