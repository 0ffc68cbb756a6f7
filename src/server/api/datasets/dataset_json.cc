#include "server/api/datasets/dataset_json.h"

#include "server/api/or_null.h"
#include "server/store/users.h"

namespace attune::api {
namespace {

OrderedJson distribution_json(const domain::Dataset& dataset) {
  OrderedJson json = {{"strategy", "overlap"}, {"min_submitted", dataset.min_submitted}};
  if (dataset.discards_complete) json["discards_complete"] = true;  // not of the contract
  return json;
}

template <typename T>
OrderedJson with_times(OrderedJson json, const T& item) {
  json["dataset_id"] = item.dataset_id;
  json["inserted_at"] = item.inserted_at;
  json["updated_at"] = item.updated_at;
  return json;
}

template <typename T, typename F>
OrderedJson parts_json(const std::vector<T>& all, F&& json_of) {
  OrderedJson list = OrderedJson::array();
  for (const T& one : all) {
    list.push_back(json_of(one));
    list.back().erase("dataset_id");
  }
  return list;
}

}  // namespace

OrderedJson dataset_json(const domain::Dataset& dataset) {
  return {{"id", dataset.id},
          {"name", dataset.name},
          {"guidelines", or_null(dataset.guidelines)},
          {"allow_extra_metadata", dataset.allow_extra_metadata},
          {"status", dataset.published ? "ready" : "draft"},
          {"distribution", distribution_json(dataset)},
          {"metadata", dataset.metadata},
          {"workspace_id", dataset.workspace_id},
          {"last_activity_at", dataset.last_activity_at},
          {"inserted_at", dataset.inserted_at},
          {"updated_at", dataset.updated_at}};
}

OrderedJson field_json(const domain::Field& field) {
  return with_times({{"id", field.id},
                     {"name", field.name},
                     {"title", field.title},
                     {"required", field.required},
                     {"settings", field.settings}},
                    field);
}

OrderedJson question_json(const domain::Question& question) {
  return with_times({{"id", question.id},
                     {"name", question.name},
                     {"title", question.title},
                     {"description", or_null(question.description)},
                     {"required", question.required},
                     {"settings", question.settings}},
                    question);
}

OrderedJson metadata_property_json(const domain::MetadataProperty& property) {
  return with_times({{"id", property.id},
                     {"name", property.name},
                     {"title", property.title},
                     {"settings", property.settings},
                     {"visible_for_annotators", property.visible_for_annotators}},
                    property);
}

OrderedJson vector_settings_json(const domain::VectorSettings& vector) {
  return with_times({{"id", vector.id},
                     {"name", vector.name},
                     {"title", vector.title},
                     {"dimensions", vector.dimensions}},
                    vector);
}

Result<OrderedJson> dataset_event_json(store::Connection& connection,
                                       const domain::Schema& schema) {
  OrderedJson json = dataset_json(schema.dataset);
  json.erase("workspace_id");
  auto workspace = TRY(store::find_workspace(connection, schema.dataset.workspace_id));
  json["workspace"] = nullptr;
  if (workspace) {
    json["workspace"] = {{"id", workspace->id},
                         {"name", workspace->name},
                         {"inserted_at", workspace->inserted_at},
                         {"updated_at", workspace->updated_at}};
  }
  json["questions"] = parts_json(schema.questions, question_json);
  json["fields"] = parts_json(schema.fields, field_json);
  json["metadata_properties"] = parts_json(schema.metadata_properties, metadata_property_json);
  json["vectors_settings"] = parts_json(schema.vectors, vector_settings_json);
  return json;
}

}  // namespace attune::api
