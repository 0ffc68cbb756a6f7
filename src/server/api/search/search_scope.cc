#include "server/api/search/search_scope.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "server/api/search/search_body.h"

namespace attune::api {
namespace {

using domain::SearchScope;
using Property = SearchScope::Property;

const std::vector<std::pair<std::string, Property>> kRecordProperties = {
    {"id", Property::kId},
    {"external_id", Property::kExternalId},
    {"inserted_at", Property::kInsertedAt},
    {"updated_at", Property::kUpdatedAt},
    {"status", Property::kStatus}};

const std::vector<std::pair<std::string, Property>> kSuggestionProperties = {
    {"value", Property::kSuggestionValue},
    {"score", Property::kSuggestionScore},
    {"agent", Property::kSuggestionAgent},
    {"type", Property::kSuggestionType}};

Property record_property(SchemaReader& scope) {
  const OrderedJson& name = scope.raw("property");
  for (const auto& [text, property] : kRecordProperties) {
    if (name == text) return property;
  }
  if (!scope.has("property")) {
    scope.mistake("missing", "property", "Field required");
    return Property::kId;
  }
  std::string choice;
  for (size_t i = 0; i < kRecordProperties.size(); ++i) {
    const std::string& text = kRecordProperties[i].first;
    if (i > 0) choice += i + 1 == kRecordProperties.size() ? " or " : ", ";
    choice += fmt::format("<RecordSortField.{}: '{}'>", text, text);
  }
  scope.mistake("literal_error", "property", "Input should be " + choice);
  return Property::kId;
}

Property suggestion_property(SchemaReader& scope) {
  std::vector<std::string> names;
  for (const auto& [text, property] : kSuggestionProperties) names.push_back(text);
  const std::string name = scope.choice_or_null("property", names).value_or("value");
  for (const auto& [text, property] : kSuggestionProperties) {
    if (name == text) return property;
  }
  return Property::kSuggestionValue;
}

std::optional<double> number_of(const OrderedJson& bound) {
  if (bound.is_number()) return bound.get<double>();
  if (!bound.is_string()) return std::nullopt;
  const auto& text = bound.get_ref<const std::string&>();
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

domain::RangeFilter::Bound read_bound(SchemaReader& holder, const char* name, bool numeric,
                                      bool time) {
  const OrderedJson& bound = holder.raw(name);
  if (bound.is_null()) return std::monostate();
  if (numeric) {
    const auto number = number_of(bound);
    if (!number) holder.mistake("float_type", name, "Input should be a valid number");
    return number.value_or(0);
  }
  if (!bound.is_string()) {
    if (time || !bound.is_number()) {
      holder.mistake("string_type", name, "Input should be a valid string");
    }
    return to_line(bound);
  }
  std::string text = bound.get<std::string>();
  refuse_nul(text, name, holder);
  if (!time) return text;
  auto canonical = canonical_time(text);
  if (!canonical) {
    holder.mistake("datetime_parsing", name,
                   "Input should be a time such as 2024-05-01T12:00:00 or a date");
  }
  return canonical.value_or(std::move(text));
}

}  // namespace

void refuse_nul(const std::string& text, const char* name, SchemaReader& holder) {
  if (text.find('\0') == std::string::npos) return;
  holder.mistake("value_error", name, "Value error, a text must not hold a NUL");
}

void ScopeReader::refuse(std::string text) {
  if (!unknown_) unknown_ = detail(422, std::move(text));
}

int64_t ScopeReader::question(const std::string& name) {
  const domain::Question* found = domain::question_named(*schema_, name);
  if (found != nullptr) return found->position;
  refuse(fmt::format("Question not found filtering by name={}, dataset_id={}", name,
                     schema_->dataset.id));
  return 0;
}

SearchScope ScopeReader::metadata(const std::string& name) {
  const domain::MetadataProperty* found = domain::metadata_property_named(*schema_, name);
  if (found != nullptr) return {Property::kMetadata, found->position};
  refuse(fmt::format("MetadataProperty not found filtering by name={}, dataset_id={}", name,
                     schema_->dataset.id));
  return {Property::kMetadata, 0};
}

SearchScope ScopeReader::read(SchemaReader& holder) {
  SchemaReader scope =
      holder.tagged("scope", "entity", {"record", "response", "suggestion", "metadata"});
  if (scope.tag() == "record") return {record_property(scope), 0};
  if (scope.tag() == "metadata") {
    return metadata(scope.text("metadata_property", {.min = 1, .max = 200}));
  }
  if (scope.tag() == "suggestion") {
    const std::string name = scope.text("question", {.min = 1, .max = 200});
    return {suggestion_property(scope), question(name)};
  }
  if (scope.tag() != "response") return {};  // noted
  const auto name = scope.text_or_null("question", {.min = 1, .max = 200});
  const auto property = scope.choice_or_null("property", {"status"});
  if (name) return {Property::kResponseValue, question(*name)};
  if (!property) scope.value_error("Either 'question' or 'property' must be provided");
  return {Property::kResponseStatus, 0};
}

bool is_time(const SearchScope& scope) {
  return scope.property == Property::kInsertedAt || scope.property == Property::kUpdatedAt;
}

bool is_numeric(const SearchScope& scope, const domain::Schema& schema) {
  switch (scope.property) {
    case Property::kSuggestionScore:
    case Property::kResponseValue:
    case Property::kSuggestionValue: return true;
    case Property::kMetadata:
      return std::any_of(schema.metadata_properties.begin(), schema.metadata_properties.end(),
                         [&](const domain::MetadataProperty& one) {
                           return one.position == scope.position &&
                                  domain::type_of(one.settings) != "terms";
                         });
    default: return false;
  }
}

void read_bounds(SchemaReader& holder, const domain::Schema& schema, domain::RangeFilter& range) {
  const bool numeric = is_numeric(range.scope, schema);
  range.ge = read_bound(holder, "ge", numeric, is_time(range.scope));
  range.le = read_bound(holder, "le", numeric, is_time(range.scope));
  const bool from = range.ge.index() != 0, to = range.le.index() != 0;
  if (!from && !to) {
    holder.value_error("At least one of 'ge' or 'le' must be provided");
  } else if (from && to && range.ge > range.le) {
    holder.value_error("'ge' must have a value less than or equal to 'le'");
  }
}

}  // namespace attune::api
