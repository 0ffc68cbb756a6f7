// A data set as people set it up: what annotators see (fields), what they are asked (questions),
// and what records carry beside (metadata, vectors). `settings` are kept as the contract writes
// them; the rules for them are in settings.h, those for values in values.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace attune::domain {

struct Dataset {
  std::string id;
  std::string name;
  std::string workspace_id;
  std::optional<std::string> guidelines;
  bool allow_extra_metadata = true;
  bool published = false;   // status "ready", else "draft"
  int64_t min_submitted = 1;  // distribution {"strategy":"overlap"}
  bool discards_complete = false;  // a discard counts towards completion
  OrderedJson metadata;     // null or an object
  std::string last_activity_at, inserted_at, updated_at;
  // Order of making within the data base. What rows of records, answers and values refer to is this
  // number, here and below; API and JSON know the id only.
  int64_t position = 0;
};

// A field, question or metadata property; `settings.type` says which kind.
struct Field {
  std::string id, dataset_id, name, title;
  bool required = false;
  OrderedJson settings;
  std::string inserted_at, updated_at;
  int64_t position = 0;
};
struct Question {
  std::string id, dataset_id, name, title;
  std::optional<std::string> description;
  bool required = false;
  OrderedJson settings;
  std::string inserted_at, updated_at;
  int64_t position = 0;
};
struct MetadataProperty {
  std::string id, dataset_id, name, title;
  bool visible_for_annotators = true;
  OrderedJson settings;
  std::string inserted_at, updated_at;
  int64_t position = 0;
};
struct VectorSettings {
  std::string id, dataset_id, name, title;
  int64_t dimensions = 0;
  std::string inserted_at, updated_at;
  int64_t position = 0;
};

// All that a record is checked against, each list in the order of making.
struct Schema {
  Dataset dataset;
  std::vector<Field> fields;
  std::vector<Question> questions;
  std::vector<MetadataProperty> metadata_properties;
  std::vector<VectorSettings> vectors;
};

// Each is nullptr where there is none; the pointer lives as long as the schema is not changed.
const Field* field_named(const Schema& schema, std::string_view name);
const Question* question_named(const Schema& schema, std::string_view name);
const Question* question_with_id(const Schema& schema, std::string_view id);
const MetadataProperty* metadata_property_named(const Schema& schema, std::string_view name);
const VectorSettings* vector_named(const Schema& schema, std::string_view name);

// `settings.type` of a field, question or metadata property.
const std::string& type_of(const OrderedJson& settings);

}  // namespace attune::domain
