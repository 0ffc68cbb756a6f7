#include "server/api/search/search_body.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/api/search/search_scope.h"
#include "server/store/records.h"

namespace attune::api {
namespace {

constexpr size_t kFiltersMax = 50;
constexpr size_t kSortKeysMax = 10;
constexpr size_t kTermsMax = 250;

std::string term_of(const OrderedJson& value) {
  return value.is_string() ? value.get<std::string>() : to_line(value);
}

std::vector<std::string> read_values(SchemaReader& filter, const domain::SearchScope& scope) {
  std::vector<std::string> values;
  for (const OrderedJson& value : filter.list("values", {.min = 1, .max = kTermsMax})) {
    if (value.is_structured() || value.is_null()) {
      filter.mistake("string_type", "values", "Input should be a valid string");
      continue;
    }
    values.push_back(term_of(value));
    refuse_nul(values.back(), "values", filter);
    if (!is_time(scope)) continue;
    if (auto time = canonical_time(values.back())) values.back() = *time;
  }
  return values;
}

void read_filters(SchemaReader& body, const domain::Schema& schema, ScopeReader& scopes,
                  domain::SearchQuery& query) {
  if (!body.given("filters")) return;
  SchemaReader filters = body.object("filters");
  if (!filters.given("and")) return;
  for (SchemaReader& one : filters.objects("and", {.min = 1, .max = kFiltersMax})) {
    SchemaReader filter = one.branch("type", {"terms", "range"});
    if (filter.tag().empty()) continue;  // noted
    const domain::SearchScope scope = scopes.read(filter);
    if (filter.tag() == "terms") {
      query.filters.push_back(domain::TermsFilter{scope, read_values(filter, scope)});
    } else {
      domain::RangeFilter range{.scope = scope, .ge = {}, .le = {}};
      read_bounds(filter, schema, range);
      query.filters.push_back(std::move(range));
    }
  }
}

void read_sort(SchemaReader& body, ScopeReader& scopes, domain::SearchQuery& query) {
  if (!body.given("sort")) return;
  for (SchemaReader& key : body.objects("sort", {.min = 1, .max = kSortKeysMax})) {
    const domain::SearchScope scope = scopes.read(key);
    query.sort.push_back({scope, key.choice("order", {"asc", "desc"}) == "desc"});
  }
}

struct TextPart {
  std::string text;
  std::optional<std::string> field;
};
struct VectorPart {
  std::string name;
  std::optional<std::vector<double>> value;
  std::optional<std::string> record_id;
  bool most_similar = true;
};

std::optional<TextPart> read_text(SchemaReader& query) {
  if (!query.given("text")) return std::nullopt;
  SchemaReader text = query.object("text");
  TextPart part;
  part.text = text.text("q");
  part.field = text.text_or_null("field");
  return part;
}

std::optional<VectorPart> read_vector(SchemaReader& query) {
  if (!query.given("vector")) return std::nullopt;
  SchemaReader vector = query.object("vector");
  VectorPart part;
  part.name = vector.text("name");
  part.record_id = vector.id_or_null("record_id");
  if (vector.given("value")) part.value = vector.numbers("value");
  part.most_similar =
      vector.choice_or_null("order", {"most_similar", "least_similar"}) != "least_similar";
  if (part.value.has_value() == part.record_id.has_value()) {
    vector.value_error("Either 'record_id' or 'value' must be provided");
  }
  return part;
}

Answer<void> resolve_text(const TextPart& part, const domain::Schema& schema,
                          domain::SearchQuery& query) {
  domain::TextQuery text{part.text, std::nullopt};
  if (part.field) {
    const domain::Field* field = domain::field_named(schema, *part.field);
    if (field == nullptr) {
      return detail(422, fmt::format("Field `{}` not found in dataset `{}`.", *part.field,
                                     schema.dataset.id));
    }
    text.field = static_cast<size_t>(field - schema.fields.data());
  }
  query.text = std::move(text);
  return {};
}

// The vector of the record that is named, which is not found itself.
Answer<void> take_vector_of(const std::string& record_id, const domain::VectorSettings& settings,
                            const domain::Schema& schema, store::Connection& connection,
                            domain::VectorQuery& vector) {
  const auto place = TRY(store::find_record(connection, record_id));
  if (!place || place->dataset_id != schema.dataset.id) {
    return detail(422, fmt::format("Record with id `{}` not found in dataset `{}`.", record_id,
                                   schema.dataset.id));
  }
  store::RecordParts parts;
  parts.vectors = true;
  parts.vector_names = {settings.name};
  auto records =
      TRY(store::records_at(connection, schema, std::span(&place->position, 1), parts));
  const auto found = records.at(0).vectors.find(settings.name);
  if (found == records[0].vectors.end()) {
    return Failure(422, {{"code", "missing_vector"},
                         {"message", fmt::format("Record `{}` does not have a vector for vector "
                                                 "settings `{}`",
                                                 record_id, settings.name)}});
  }
  vector.value = std::move(found->second);
  vector.left_out = place->position;
  return {};
}

Answer<void> resolve_vector(const VectorPart& part, const domain::Schema& schema,
                            store::Connection& connection, domain::SearchQuery& query) {
  const domain::VectorSettings* settings = domain::vector_named(schema, part.name);
  if (settings == nullptr) {
    return detail(422, fmt::format("Vector `{}` not found in dataset `{}`.", part.name,
                                   schema.dataset.id));
  }
  domain::VectorQuery vector;
  vector.vector = settings->position;
  vector.most_similar = part.most_similar;
  if (part.record_id) {
    TRY(take_vector_of(*part.record_id, *settings, schema, connection, vector));
  } else {
    vector.value.assign(part.value->begin(), part.value->end());
  }
  if (static_cast<int64_t>(vector.value.size()) != settings->dimensions) {
    return detail(422, fmt::format("vector value for vector name={} must have {} elements, got {} "
                                   "elements",
                                   part.name, settings->dimensions, vector.value.size()));
  }
  query.vector = std::move(vector);
  return {};
}

}  // namespace

Answer<void> read_search(const OrderedJson& body, const domain::Schema& schema,
                         store::Connection& connection, domain::SearchQuery& query) {
  SchemaReader reader(body, "body");
  ScopeReader scopes(schema);
  std::optional<TextPart> text;
  std::optional<VectorPart> vector;
  if (reader.given("query")) {
    SchemaReader asked = reader.object("query");
    text = read_text(asked);
    vector = read_vector(asked);
  }
  read_filters(reader, schema, scopes, query);
  read_sort(reader, scopes, query);
  TRY(reader.done());
  if (scopes.unknown()) return *scopes.unknown();
  if (text) TRY(resolve_text(*text, schema, query));
  if (vector) TRY(resolve_vector(*vector, schema, connection, query));
  return {};
}

}  // namespace attune::api
