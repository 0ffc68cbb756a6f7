#include "server/domain/settings.h"

#include <algorithm>

#include "server/domain/contract_text.h"

namespace attune::domain {
namespace {

Error name_taken(const char* what, const std::string& name, const Schema& schema) {
  return conflict("{} with name `{}` already exists for dataset with id `{}`", what, name,
                  schema.dataset.id);
}

bool has_labels(const std::string& type) {
  return type == "label_selection" || type == "multi_label_selection" || type == "span";
}

std::vector<std::string> sorted_values(const OrderedJson& options) {
  std::vector<std::string> values;
  for (const OrderedJson& option : options) values.push_back(option.at("value"));
  std::sort(values.begin(), values.end());
  return values;
}

// The same values in any order.
Status check_same_options(const OrderedJson& now, const OrderedJson& then) {
  if (now.size() != then.size()) {
    return invalid_input("the number of options cannot be modified. expected {} but got {}",
                         now.size(), then.size());
  }
  const std::vector<std::string> kept = sorted_values(now), asked = sorted_values(then);
  std::vector<std::string> unexpected;
  for (size_t i = 0; i < kept.size(); ++i) {
    if (kept[i] != asked[i]) unexpected.push_back(asked[i]);
  }
  if (unexpected.empty()) return {};
  return invalid_input(
      "the option values cannot be modified. found unexpected option values: {}", repr(unexpected));
}

Status check_visible_options(const OrderedJson& change, size_t options) {
  auto visible = change.find("visible_options");
  if (visible == change.end() || visible->is_null()) return {};
  if (visible->get<int64_t>() <= static_cast<int64_t>(options)) return {};
  return invalid_input(
      "the value for 'visible_options' must be less or equal to the number of items in 'options' "
      "({})",
      options);
}

bool given(const OrderedJson& object, const char* key) {
  auto found = object.find(key);
  return found != object.end() && !found->is_null();
}

}  // namespace

Status check_new_field(const Schema& schema, const Field& field) {
  if (schema.dataset.published) {
    return invalid_input("Field cannot be created for a published dataset");
  }
  if (field_named(schema, field.name)) return name_taken("Field", field.name, schema);
  return {};
}

Status check_new_question(const Schema& schema, const Question& question) {
  if (question_named(schema, question.name)) return name_taken("Question", question.name, schema);
  if (schema.dataset.published) {
    return invalid_input("questions cannot be created for a published dataset");
  }
  return check_span_question(schema, question);
}

Status check_span_question(const Schema& schema, const Question& question) {
  if (type_of(question.settings) != "span") return {};
  const auto& name = question.settings.at("field").get_ref<const std::string&>();
  const Field* field = field_named(schema, name);
  if (!field) {
    std::vector<std::string> names;
    for (const Field& one : schema.fields) names.push_back(one.name);
    return invalid_input("'{}' is not a valid field name.\nValid field names are {}", name,
                         repr(names));
  }
  if (type_of(field->settings) != "text") {
    return invalid_input("'{}' is a field of type '{}': spans are marked in text fields", name,
                         type_of(field->settings));
  }
  for (const Question& other : schema.questions) {
    if (type_of(other.settings) == "span" && other.settings.at("field") == name) {
      return invalid_input("'{}' is already used by span question with id '{}'", name, other.id);
    }
  }
  return {};
}

Status check_new_metadata_property(const Schema& schema, const MetadataProperty& property) {
  if (!metadata_property_named(schema, property.name)) return {};
  return name_taken("Metadata property", property.name, schema);
}

Status check_new_vector(const Schema& schema, const VectorSettings& vector) {
  if (schema.vectors.size() >= kVectorsMax) {
    return invalid_input(
        "The maximum number of vector settings has been reached for dataset with id `{}`",
        schema.dataset.id);
  }
  if (vector_named(schema, vector.name)) {
    return name_taken("Vector settings", vector.name, schema);
  }
  return {};
}

Status check_field_deletion(const Schema& schema, const Field& field) {
  if (schema.dataset.published) {
    return invalid_input("Fields cannot be deleted for a published dataset");
  }
  for (const Question& question : schema.questions) {
    if (type_of(question.settings) == "span" && question.settings.at("field") == field.name) {
      return invalid_input("'{}' is used by span question with id '{}': delete that question first",
                           field.name, question.id);
    }
  }
  return {};
}

Status check_question_deletion(const Schema& schema) {
  if (!schema.dataset.published) return {};
  return invalid_input("questions cannot be deleted for a published dataset");
}

Status check_publishable(const Schema& schema) {
  if (schema.dataset.published) return invalid_input("Dataset has already been published");
  if (schema.fields.empty()) return invalid_input("Dataset cannot be published without fields");
  bool asks = std::any_of(schema.questions.begin(), schema.questions.end(),
                          [](const Question& question) { return question.required; });
  if (!asks) return invalid_input("Dataset cannot be published without required questions");
  return {};
}

Result<OrderedJson> changed_field_settings(const Field& field, const OrderedJson& change) {
  if (type_of(change) != type_of(field.settings)) {
    return invalid_input("Field type cannot be changed. Expected '{}' but got '{}'",
                         type_of(field.settings), type_of(change));
  }
  OrderedJson settings = field.settings;
  settings.update(change);
  return settings;
}

Result<OrderedJson> changed_question_settings(const Question& question, const OrderedJson& change) {
  OrderedJson settings = question.settings;
  const std::string& type = type_of(settings);
  if (type_of(change) != type) {
    return invalid_input("question type cannot be changed. expected '{}' but got '{}'", type,
                         type_of(change));
  }
  if (has_labels(type)) {
    if (given(change, "options")) {
      TRY(check_same_options(settings["options"], change["options"]));
      settings["options"] = change["options"];
    }
    TRY(check_visible_options(change, settings["options"].size()));
    if (change.contains("visible_options")) settings["visible_options"] = change["visible_options"];
  }
  if (given(change, "allow_overlapping") && type == "span") {
    if (settings["allow_overlapping"] == true && change["allow_overlapping"] == false) {
      return invalid_input(
          "'allow_overlapping' can't be disabled because responses may become inconsistent");
    }
    settings["allow_overlapping"] = change["allow_overlapping"];
  }
  for (const char* key : {"use_markdown", "options_order"}) {
    if (settings.contains(key) && given(change, key)) settings[key] = change[key];
  }
  return settings;
}

}  // namespace attune::domain
