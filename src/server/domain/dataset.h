// A data set as people set it up: what annotators see (fields), what they are asked (questions),
// and what records carry beside (metadata, vectors). `settings` are kept as the contract writes
// them; the rules for them are in settings.h, those for values in values.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
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
};

// A field, question or metadata property; `settings.type` says which kind.
struct Field {
  std::string id, dataset_id, name, title;
  bool required = false;
  OrderedJson settings;
  std::string inserted_at, updated_at;
};
struct Question {
  std::string id, dataset_id, name, title;
  std::optional<std::string> description;
  bool required = false;
  OrderedJson settings;
  std::string inserted_at, updated_at;
};
struct MetadataProperty {
  std::string id, dataset_id, name, title;
  bool visible_for_annotators = true;
  OrderedJson settings;
  std::string inserted_at, updated_at;
};
struct VectorSettings {
  std::string id, dataset_id, name, title;
  int64_t dimensions = 0;
  std::string inserted_at, updated_at;
};

// All that a record is checked against.
struct Schema {
  Dataset dataset;
  std::vector<Field> fields;
  std::vector<Question> questions;
  std::vector<MetadataProperty> metadata_properties;
  std::vector<VectorSettings> vectors;
};

}  // namespace attune::domain
