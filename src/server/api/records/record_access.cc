#include "server/api/records/record_access.h"

#include "server/store/records.h"

namespace attune::api {
Answer<PlacedRecord> record_for(const Call& call, store::Connection& connection,
                                const std::string& record_id, Right right) {
  const auto place = TRY(store::find_record(connection, record_id));
  if (!place) return not_found_with_id("Record", record_id);
  PlacedRecord found;
  found.position = place->position;
  found.schema = TRY(schema_for(call, connection, place->dataset_id, right));
  return found;
}

bool sees_own_answers_only(const Call& call) {
  return call.user->role == domain::Role::kAnnotator;
}

bool sees_all_metadata(const Call& call) {
  return call.user->role == domain::Role::kOwner || call.user->role == domain::Role::kAdmin;
}

void hide_metadata(const domain::Schema& schema, domain::Record& record) {
  if (!record.metadata.is_object()) return;
  OrderedJson visible = OrderedJson::object();
  for (const auto& [name, value] : record.metadata.items()) {
    const domain::MetadataProperty* property = domain::metadata_property_named(schema, name);
    if (property != nullptr && property->visible_for_annotators) visible[name] = value;
  }
  record.metadata = std::move(visible);
}

}  // namespace attune::api
