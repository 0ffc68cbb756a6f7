#include "server/api/schema_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/api/schema_words.h"

namespace attune::api {
namespace {

const OrderedJson kNull = nullptr;
const OrderedJson kEmptyList = OrderedJson::array();
const OrderedJson kEmptyObject = OrderedJson::object();

std::string items(size_t count) {
  return fmt::format("{} item{}", count, count == 1 ? "" : "s");
}

// Whether `loc` begins with all of `prefix`.
bool below(const OrderedJson& loc, const OrderedJson& prefix) {
  return loc.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), loc.begin());
}

OrderedJson appended(OrderedJson loc, OrderedJson part) {
  loc.push_back(std::move(part));
  return loc;
}

}  // namespace

SchemaReader::SchemaReader(const OrderedJson& value, std::string_view loc)
    : SchemaReader(value, OrderedJson::array({std::string(loc)}), std::make_shared<Mistakes>()) {}

SchemaReader::SchemaReader(const OrderedJson& value, OrderedJson loc,
                           std::shared_ptr<Mistakes> mistakes)
    : value_(&value), loc_(std::move(loc)), mistakes_(std::move(mistakes)) {
  if (!readable()) {
    note("model_attributes_type", loc_,
         "Input should be a valid dictionary or object to extract fields from");
  }
}

SchemaReader SchemaReader::part(const OrderedJson& value, OrderedJson loc) {
  return {value, std::move(loc), mistakes_};
}

SchemaReader SchemaReader::of_nothing(OrderedJson loc) {
  return {kEmptyObject, std::move(loc), std::make_shared<Mistakes>()};
}

OrderedJson SchemaReader::place(std::string_view name) const {
  return name.empty() ? loc_ : appended(loc_, std::string(name));
}

void SchemaReader::note(std::string type, OrderedJson loc, std::string msg) {
  mistakes_->push_back({std::move(type), std::move(loc), std::move(msg)});
}

bool SchemaReader::has(std::string_view name) const {
  asked_.emplace(name);
  return readable() && value_->contains(name);
}

bool SchemaReader::given(std::string_view name) const {
  return !raw(name).is_null();
}

const OrderedJson& SchemaReader::raw(std::string_view name) const {
  asked_.emplace(name);
  if (!readable()) return kNull;
  auto found = value_->find(name);
  return found == value_->end() ? kNull : *found;
}

const OrderedJson* SchemaReader::required(std::string_view name) {
  asked_.emplace(name);
  if (!readable()) return nullptr;
  auto found = value_->find(name);
  if (found != value_->end()) return &*found;
  note("missing", place(name), "Field required");
  return nullptr;
}

std::string SchemaReader::text(std::string_view name, TextRule rule) {
  const OrderedJson* value = required(name);
  return value ? read_text(*value, place(name), rule) : "";
}

int64_t SchemaReader::integer(std::string_view name, NumberRule rule) {
  const OrderedJson* value = required(name);
  return value ? read_integer(*value, place(name), rule) : 0;
}

double SchemaReader::number(std::string_view name, NumberRule rule) {
  const OrderedJson* value = required(name);
  return value ? read_number(*value, place(name), rule) : 0;
}

bool SchemaReader::boolean(std::string_view name) {
  const OrderedJson* value = required(name);
  return value && read_boolean(*value, place(name));
}

std::string SchemaReader::id(std::string_view name) {
  const OrderedJson* value = required(name);
  return value ? read_id(*value, place(name)) : "";
}

std::string SchemaReader::choice(std::string_view name, const std::vector<std::string>& options) {
  const OrderedJson* value = required(name);
  return value ? read_choice(*value, place(name), options) : "";
}

SchemaReader SchemaReader::object(std::string_view name) {
  const OrderedJson* value = required(name);
  return value ? part(*value, place(name)) : of_nothing(place(name));
}

const OrderedJson* SchemaReader::read_list(std::string_view name, const CountRule& rule) {
  const OrderedJson* value = required(name);
  if (!value) return nullptr;
  if (!value->is_array()) {
    note("list_type", place(name), "Input should be a valid list");
    return nullptr;
  }
  if (value->size() < rule.min) {
    note("too_short", place(name),
         fmt::format("List should have at least {} after validation, not {}", items(rule.min),
                     value->size()));
    return nullptr;
  }
  if (value->size() > rule.max) {
    note("too_long", place(name),
         fmt::format("List should have at most {} after validation, not {}", items(rule.max),
                     value->size()));
    return nullptr;
  }
  return value;
}

template <typename T, typename F>
std::vector<T> SchemaReader::each_of(std::string_view name, const CountRule& rule, F&& read) {
  std::vector<T> all;
  const OrderedJson* value = read_list(name, rule);
  if (!value) return all;
  all.reserve(value->size());
  const OrderedJson here = place(name);
  for (size_t i = 0; i < value->size(); ++i) all.push_back(read((*value)[i], appended(here, i)));
  return all;
}

std::vector<SchemaReader> SchemaReader::objects(std::string_view name, CountRule rule) {
  auto all = each_of<SchemaReader>(name, rule, [this](const OrderedJson& value, OrderedJson loc) {
    return part(value, std::move(loc));
  });
  std::erase_if(all, [](const SchemaReader& reader) { return !reader.readable(); });
  return all;
}

std::vector<std::string> SchemaReader::texts(std::string_view name, CountRule count,
                                             TextRule rule) {
  return each_of<std::string>(name, count, [&](const OrderedJson& value, const OrderedJson& loc) {
    return read_text(value, loc, rule);
  });
}

std::vector<std::string> SchemaReader::ids(std::string_view name, CountRule count) {
  return each_of<std::string>(name, count, [&](const OrderedJson& value, const OrderedJson& loc) {
    return read_id(value, loc);
  });
}

std::vector<std::string> SchemaReader::choices(std::string_view name,
                                               const std::vector<std::string>& options,
                                               CountRule count) {
  return each_of<std::string>(name, count, [&](const OrderedJson& value, const OrderedJson& loc) {
    return read_choice(value, loc, options);
  });
}

std::vector<double> SchemaReader::numbers(std::string_view name, CountRule count,
                                          NumberRule rule) {
  return each_of<double>(name, count, [&](const OrderedJson& value, const OrderedJson& loc) {
    return read_number(value, loc, rule);
  });
}

const OrderedJson& SchemaReader::list(std::string_view name, CountRule rule) {
  const OrderedJson* value = read_list(name, rule);
  return value ? *value : kEmptyList;
}

const OrderedJson& SchemaReader::dictionary(std::string_view name) {
  const OrderedJson* value = required(name);
  if (!value) return kEmptyObject;
  if (value->is_object()) return *value;
  note("dict_type", place(name), "Input should be a valid dictionary");
  return kEmptyObject;
}

SchemaReader SchemaReader::tagged(std::string_view name, std::string_view tag_key,
                                  const std::vector<std::string>& tags,
                                  std::string_view enumeration) {
  const OrderedJson* value = required(name);
  OrderedJson loc = place(name);
  if (!value) return of_nothing(loc);
  if (!value->is_object()) return part(*value, loc);  // notes it
  auto found = value->find(tag_key);
  if (found == value->end()) {
    note("union_tag_not_found", loc,
         fmt::format("Unable to extract tag using discriminator '{}'", tag_key));
    return of_nothing(loc);
  }
  const std::string tag = found->is_string() ? found->get<std::string>() : to_line(*found);
  if (!found->is_string() || std::find(tags.begin(), tags.end(), tag) == tags.end()) {
    note("union_tag_invalid", loc,
         fmt::format("Input tag '{}' found using '{}' does not match any of the expected tags: {}",
                     tag, tag_key, tag_list(tags, enumeration)));
    return of_nothing(loc);
  }
  SchemaReader reader = part(*value, appended(std::move(loc), tag));
  reader.tag_ = tag;
  reader.asked_.emplace(tag_key);
  return reader;
}

void SchemaReader::mistake(std::string type, std::string_view name, std::string msg) {
  note(std::move(type), place(name), std::move(msg));
}

void SchemaReader::value_error(std::string_view text) {
  if (!wrong()) note("value_error", loc_, fmt::format("Value error, {}", text));
}

void SchemaReader::not_null(std::initializer_list<std::string_view> names) {
  std::string nulls;
  for (std::string_view name : names) {
    if (!has(name) || given(name)) continue;
    nulls += nulls.empty() ? "" : ", ";
    nulls += name;
  }
  if (!nulls.empty()) {
    value_error(fmt::format("The following keys must have non-null values: {}", nulls));
  }
}

void SchemaReader::no_others() {
  if (!readable()) return;
  for (const auto& [key, value] : value_->items()) {
    if (!asked_.contains(key)) {
      note("extra_forbidden", place(key), "Extra inputs are not permitted");
    }
  }
}

bool SchemaReader::wrong() const {
  return std::any_of(mistakes_->begin(), mistakes_->end(),
                     [this](const SchemaMistake& mistake) { return below(mistake.loc, loc_); });
}

Answer<void> SchemaReader::done() const {
  if (mistakes_->empty()) return {};
  return schema_failure(*mistakes_);
}

}  // namespace attune::api
