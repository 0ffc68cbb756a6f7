#include "server/domain/evolution.h"

#include <algorithm>

#include "server/domain/contract_text.h"
#include "server/domain/settings.h"

namespace attune::domain {
namespace {

size_t options_max(const std::string& type) {
  if (type == "rating") return kRatingsMax;
  return type == "ranking" ? kRankedMax : kLabelsMax;
}

}  // namespace

Status check_added_field(const Schema& schema, const Field& field) {
  if (field_named(schema, field.name)) {
    return conflict("Field with name `{}` already exists for dataset with id `{}`", field.name,
                    schema.dataset.id);
  }
  if (schema.dataset.published && field.required) {
    return invalid_input(
        "a field that is added to a published dataset cannot be required: its records lack it");
  }
  return {};
}

Status check_added_question(const Schema& schema, const Question& question) {
  if (question_named(schema, question.name)) {
    return conflict("Question with name `{}` already exists for dataset with id `{}`",
                    question.name, schema.dataset.id);
  }
  return check_span_question(schema, question);
}

Result<OrderedJson> settings_with_option(const Question& question, const OrderedJson& option,
                                         std::optional<int64_t> at) {
  OrderedJson settings = question.settings;
  const std::string& type = type_of(settings);
  if (!settings.contains("options")) {
    return invalid_input("a question of type '{}' has no options", type);
  }
  OrderedJson& options = settings["options"];
  if (options.size() >= options_max(type)) {
    return invalid_input("a question of type '{}' has at most {} options", type,
                         options_max(type));
  }
  for (const OrderedJson& one : options) {
    if (one.at("value") == option.at("value")) {
      return conflict("Option {} already exists for question with id `{}`",
                      repr(option.at("value")), question.id);
    }
  }
  const auto end = static_cast<int64_t>(options.size());
  options.insert(options.begin() + std::min(at.value_or(end), end), option);
  return settings;
}

}  // namespace attune::domain
