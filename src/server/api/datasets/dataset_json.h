// Data sets and their settings as the contract writes them.
#pragma once

#include <string>

#include "base/json.h"
#include "server/domain/dataset.h"
#include "server/store/database.h"

namespace attune::api {

OrderedJson dataset_json(const domain::Dataset& dataset);
OrderedJson field_json(const domain::Field& field);
OrderedJson question_json(const domain::Question& question);
OrderedJson metadata_property_json(const domain::MetadataProperty& property);
OrderedJson vector_settings_json(const domain::VectorSettings& vector);

// {"items":[...]}
template <typename T, typename F>
OrderedJson items_json(const std::vector<T>& all, F&& json_of) {
  OrderedJson items = OrderedJson::array();
  for (const T& one : all) items.push_back(json_of(one));
  return {{"items", std::move(items)}};
}

// What an event of webhooks carries: the data set with its workspace and all settings.
Result<OrderedJson> dataset_event_json(store::Connection& connection, const domain::Schema& schema);

}  // namespace attune::api
