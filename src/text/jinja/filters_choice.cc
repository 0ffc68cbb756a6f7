// Filters that pick or map items, and `default`.
#include "text/jinja/arguments.h"
#include "text/jinja/filters.h"

namespace attune::text::jinja {
namespace {

// The arguments from `from` on, for the filter or test that the first ones name.
CallArguments rest_of(const CallArguments& arguments, size_t from) {
  CallArguments rest;
  rest.named = arguments.named;
  for (size_t i = from; i < arguments.positional.size(); ++i) {
    rest.positional.push_back(arguments.positional[i]);
  }
  return rest;
}

Result<bool> holds(Rendering& r, const Value& value, const CallArguments& arguments, size_t from) {
  if (arguments.positional.size() <= from) return truthy(value);
  std::string_view name = TRY(text_argument(arguments.positional[from]));
  return r.test(std::string(name), value, rest_of(arguments, from + 1));
}

template <bool kKeep, bool kByAttribute>
Result<Value> chosen(Rendering& r, const Value& value, const CallArguments& arguments) {
  if (kByAttribute && arguments.positional.empty()) {
    return invalid_input("it needs the name of an attribute");
  }
  std::vector<Value> kept;
  if (truthy(value)) {
    for (Value& item : TRY(iterate(r.budget(), value))) {
      Value looked_at = kByAttribute ? TRY(follow(r, item, arguments.positional[0])) : item;
      if (TRY(holds(r, looked_at, arguments, kByAttribute ? 1 : 0)) == kKeep) {
        kept.push_back(std::move(item));
      }
    }
  }
  return make_sequence(r.budget(), std::move(kept), Shape::kGenerator);
}

Result<Value> map(Rendering& r, const Value& value, const CallArguments& arguments) {
  const Value* attribute = nullptr;
  std::optional<Value> fallback;
  for (const auto& [name, given] : arguments.named) {
    if (name == "attribute") attribute = &given;
    if (name == "default") fallback = given;
  }
  bool by_attribute = arguments.positional.empty() && attribute != nullptr;
  if (!by_attribute && arguments.positional.empty()) {
    return invalid_input("it needs `attribute=` or the name of a filter");
  }
  std::vector<Value> made;
  if (truthy(value)) {
    for (const Value& item : TRY(iterate(r.budget(), value))) {
      if (by_attribute) {
        Value found = TRY(follow(r, item, *attribute));
        made.push_back(found.is_undefined() && fallback ? *fallback : std::move(found));
      } else {
        std::string_view name = TRY(text_argument(arguments.positional[0]));
        made.push_back(TRY(r.filter(std::string(name), item, rest_of(arguments, 1))));
      }
    }
  }
  return make_sequence(r.budget(), std::move(made), Shape::kGenerator);
}

Result<Value> fallback_for(Rendering&, const Value& value, const CallArguments& arguments) {
  Bound bound = TRY(bind("it", arguments, {"default_value", "boolean"}));
  bool missing = value.is_undefined() || (truth_or(bound[1], false) && !truthy(value));
  return missing ? bound[0].value_or(Value(std::string())) : value;
}

Result<Value> attribute_of(Rendering& r, const Value& value, const CallArguments& arguments) {
  Bound bound = TRY(bind("it", arguments, {"name"}, 1));
  std::string name = TRY(text_or(bound[0], ""));
  bool only_element = value.is(Kind::kDict);
  if (only_element) return Value::undefined(fmt::format("a dict has no attribute '{}'", name));
  return r.attribute(value, name);
}

}  // namespace

const std::map<std::string_view, Filter>& choice_filters() {
  static const std::map<std::string_view, Filter> known = {
      {"select", chosen<true, false>},
      {"reject", chosen<false, false>},
      {"selectattr", chosen<true, true>},
      {"rejectattr", chosen<false, true>},
      {"map", map},
      {"default", fallback_for},
      {"d", fallback_for},
      {"attr", attribute_of},
  };
  return known;
}

}  // namespace attune::text::jinja
