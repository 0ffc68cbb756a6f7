#include "server/api/record_access.h"

#include <fmt/format.h>

#include "server/api/access.h"
#include "server/store/datasets.h"
#include "server/store/records.h"

namespace attune::api {
namespace {

Answer<void> may(const Call& call, store::Connection& connection, const std::string& workspace_id,
                 Right right) {
  switch (right) {
    case Right::kRead: return may_read_workspace(connection, *call.user, workspace_id);
    case Right::kReview: return may_review_workspace(connection, *call.user, workspace_id);
    case Right::kManage: return may_administer_workspace(connection, *call.user, workspace_id);
  }
  return forbidden();
}

}  // namespace

Answer<domain::Schema> schema_for(const Call& call, store::Connection& connection,
                                  const std::string& dataset_id, Right right) {
  auto schema = TRY(store::load_schema(connection, dataset_id));
  if (!schema) return detail(404, fmt::format("Dataset with id `{}` not found", dataset_id));
  TRY(may(call, connection, schema->dataset.workspace_id, right));
  return std::move(*schema);
}

Answer<PlacedRecord> record_for(const Call& call, store::Connection& connection,
                                const std::string& record_id, Right right) {
  const auto place = TRY(store::find_record(connection, record_id));
  if (!place) return detail(404, fmt::format("Record with id `{}` not found", record_id));
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
