#include "server/api/datasets/settings_reader.h"

#include <fmt/format.h>

#include <set>

#include "server/api/or_null.h"
#include "server/domain/contract_text.h"
#include "server/domain/settings.h"

namespace attune::api {
namespace {

using domain::kLabelsMax, domain::kRankedMax, domain::kRatingsMax;

constexpr size_t kTermsMax = 250;
constexpr double kVisibleMin = 3;

const std::vector<std::string> kFieldTypes = {"text", "image", "chat", "custom"};
const std::vector<std::string> kQuestionTypes = {
    "text", "rating", "label_selection", "multi_label_selection", "ranking", "span"};
const std::vector<std::string> kMetadataTypes = {"terms", "integer", "float"};
const std::vector<std::string> kOrders = {"natural", "suggestion"};

OrderedJson read_options(SchemaReader& settings, CountRule count, bool rating = false) {
  OrderedJson options = OrderedJson::array();
  for (SchemaReader& option : settings.objects("options", count)) {
    options.push_back(read_option(option, rating));
  }
  return options;
}

void check_unique(SchemaReader& settings, const OrderedJson& options) {
  std::set<std::string> seen, twice;
  for (const OrderedJson& option : options) {
    std::string value = domain::repr(option.at("value"));
    if (!seen.insert(value).second) twice.insert(value);
  }
  if (twice.empty()) return;
  settings.value_error(fmt::format("Option values must be unique, found duplicates: {{{}}}",
                                   fmt::join(twice, ", ")));
}

OrderedJson read_visible_options(SchemaReader& settings, size_t options) {
  std::optional<int64_t> visible = settings.integer_or_null("visible_options", {.ge = kVisibleMin});
  if (visible && *visible > static_cast<int64_t>(options)) {
    settings.value_error(
        fmt::format("the value for 'visible_options' must be less or equal to the number of items "
                    "in 'options' ({})",
                    options));
  }
  return or_null(visible);
}

OrderedJson new_labels(SchemaReader& settings) {
  OrderedJson made = {{"type", settings.tag()}};
  made["options"] = read_options(settings, {.min = 2, .max = kLabelsMax});
  check_unique(settings, made["options"]);
  made["visible_options"] = read_visible_options(settings, made["options"].size());
  if (settings.tag() == "multi_label_selection") {
    made["options_order"] = settings.choice_or("options_order", "natural", kOrders);
  }
  return made;
}

OrderedJson new_spans(SchemaReader& settings) {
  OrderedJson made = {{"type", "span"}};
  made["field"] = settings.text("field", {.min = 1, .max = 200});
  made["options"] = read_options(settings, {.min = 1, .max = kLabelsMax});
  check_unique(settings, made["options"]);
  made["visible_options"] = read_visible_options(settings, made["options"].size());
  made["allow_overlapping"] = settings.boolean_or("allow_overlapping", false);
  (void)settings.raw("allow_character_annotation");  // may be said, is always so
  made["allow_character_annotation"] = true;
  return made;
}

OrderedJson new_ranking(SchemaReader& settings) {
  OrderedJson made = {{"type", "ranking"}};
  made["options"] = read_options(settings, {.min = 2, .max = kRankedMax});
  check_unique(settings, made["options"]);
  // Not of the contract: kept only where it was asked for.
  if (settings.boolean_or("allow_partial", false)) made["allow_partial"] = true;
  return made;
}

template <typename T>
void check_range(SchemaReader& settings, const std::optional<T>& min, const std::optional<T>& max) {
  if (!min || !max || *min < *max) return;
  settings.value_error(fmt::format("'min' ({}) must be lower than 'max' ({})",
                                   domain::repr(OrderedJson(*min)),
                                   domain::repr(OrderedJson(*max))));
}

// The terms as they came: texts, numbers or booleans.
OrderedJson read_terms(SchemaReader& settings) {
  if (!settings.given("values")) return nullptr;
  const OrderedJson& values = settings.list("values", {.min = 1, .max = kTermsMax});
  for (const OrderedJson& value : values) {
    if (!value.is_structured() && !value.is_null()) continue;
    settings.value_error("'values' must be texts, numbers or booleans");
    break;
  }
  return values;
}

OrderedJson new_question_settings(SchemaReader& settings) {
  const std::string& type = settings.tag();
  if (type == "text") {
    return {{"type", type}, {"use_markdown", settings.boolean_or("use_markdown", false)}};
  }
  if (type == "rating") {
    OrderedJson made = {{"type", type}};
    made["options"] = read_options(settings, {.min = 2, .max = kRatingsMax}, true);
    check_unique(settings, made["options"]);
    return made;
  }
  if (type == "ranking") return new_ranking(settings);
  if (type == "span") return new_spans(settings);
  return new_labels(settings);
}

}  // namespace

OrderedJson read_option(SchemaReader& option, bool rating) {
  if (rating) return {{"value", option.integer("value", {.ge = 0, .le = 10})}};
  OrderedJson made = {{"value", option.text("value", {.min = 1, .max = 200})}};
  made["text"] = option.text("text", {.min = 1, .max = 500});
  made["description"] = or_null(option.text_or_null("description", {.min = 1, .max = 1000}));
  return made;
}

OrderedJson read_field_settings(SchemaReader& body, UnknownKeys unknown) {
  SchemaReader settings = body.tagged("settings", "type", kFieldTypes, "FieldType");
  OrderedJson made = {{"type", settings.tag()}};
  if (settings.tag() == "text") made["use_markdown"] = settings.boolean_or("use_markdown", false);
  if (settings.tag() == "chat") made["use_markdown"] = settings.boolean_or("use_markdown", true);
  if (settings.tag() == "custom") {
    made["template"] = settings.text("template");
    made["advanced_mode"] = settings.boolean_or("advanced_mode", false);
  }
  if (unknown == UnknownKeys::kRefused) settings.no_others();
  return made;
}

OrderedJson read_field_settings_change(SchemaReader& body) {
  if (!body.given("settings")) return nullptr;
  SchemaReader settings = body.tagged("settings", "type", kFieldTypes, "FieldType");
  OrderedJson made = {{"type", settings.tag()}};
  if (settings.tag() == "text" || settings.tag() == "chat") {
    made["use_markdown"] = settings.boolean("use_markdown");
  }
  if (settings.tag() == "custom") {
    made["template"] = settings.text("template");
    made["advanced_mode"] = settings.boolean("advanced_mode");
  }
  return made;
}

OrderedJson read_question_settings(SchemaReader& body, UnknownKeys unknown) {
  SchemaReader settings = body.tagged("settings", "type", kQuestionTypes, "QuestionType");
  OrderedJson made = new_question_settings(settings);
  if (unknown == UnknownKeys::kRefused) settings.no_others();
  return made;
}

OrderedJson read_question_settings_change(SchemaReader& body) {
  if (!body.given("settings")) return nullptr;
  SchemaReader settings = body.tagged("settings", "type", kQuestionTypes, "QuestionType");
  const std::string& type = settings.tag();
  OrderedJson made = {{"type", type}};
  if (type == "text" && settings.has("use_markdown")) {
    settings.not_null({"use_markdown"});
    made["use_markdown"] = or_null(settings.boolean_or_null("use_markdown"));
  }
  bool labels = type == "label_selection" || type == "multi_label_selection";
  if (!labels && type != "span") return made;
  if (settings.given("options")) {
    made["options"] = read_options(settings, {.min = labels ? size_t{2} : 1, .max = kLabelsMax});
    check_unique(settings, made["options"]);
  }
  if (settings.has("visible_options")) {
    made["visible_options"] =
        or_null(settings.integer_or_null("visible_options", {.ge = kVisibleMin}));
  }
  if (type == "multi_label_selection" && settings.has("options_order")) {
    settings.not_null({"options_order"});
    made["options_order"] = or_null(settings.choice_or_null("options_order", kOrders));
  }
  if (type == "span" && settings.given("allow_overlapping")) {
    made["allow_overlapping"] = or_null(settings.boolean_or_null("allow_overlapping"));
  }
  return made;
}

OrderedJson read_metadata_settings(SchemaReader& body) {
  SchemaReader settings = body.tagged("settings", "type", kMetadataTypes, "MetadataPropertyType");
  OrderedJson made = {{"type", settings.tag()}};
  if (settings.tag() == "terms") {
    made["values"] = read_terms(settings);
  } else if (settings.tag() == "integer") {
    auto min = settings.integer_or_null("min"), max = settings.integer_or_null("max");
    check_range(settings, min, max);
    made["min"] = or_null(min), made["max"] = or_null(max);
  } else {
    auto min = settings.number_or_null("min"), max = settings.number_or_null("max");
    check_range(settings, min, max);
    made["min"] = or_null(min), made["max"] = or_null(max);
  }
  return made;
}

}  // namespace attune::api
