#include "text/jinja/arguments.h"

#include <algorithm>

namespace attune::text::jinja {

Result<Bound> bind(std::string_view what, const CallArguments& arguments,
                   std::initializer_list<std::string_view> names, size_t required) {
  if (arguments.positional.size() > names.size()) {
    return invalid_input("{} takes at most {} arguments, found {}", what, names.size(),
                         arguments.positional.size());
  }
  Bound bound(arguments.positional.begin(), arguments.positional.end());
  bound.resize(names.size());
  for (const auto& [name, value] : arguments.named) {
    auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) return invalid_input("{} has no argument '{}'", what, name);
    std::optional<Value>& slot = bound[static_cast<size_t>(found - names.begin())];
    if (slot) return invalid_input("{} got the argument '{}' twice", what, name);
    slot = value;
  }
  for (size_t i = 0; i < required; ++i) {
    if (!bound[i]) return invalid_input("{} needs the argument '{}'", what, *(names.begin() + i));
  }
  return bound;
}

Result<int64_t> int_or(const std::optional<Value>& value, int64_t fallback) {
  if (!value) return fallback;
  if (value->is_integral()) return value->integer();
  return invalid_input("expected a whole number, found a {}", type_name(*value));
}

Result<std::string> text_or(const std::optional<Value>& value, const std::string& fallback) {
  if (!value) return fallback;
  return std::string(TRY(text_argument(*value)));
}

bool truth_or(const std::optional<Value>& value, bool fallback) {
  return value ? truthy(*value) : fallback;
}

Result<std::string_view> text_argument(const Value& value) {
  if (value.is_string()) return std::string_view(value.string());
  if (value.is_undefined()) return invalid_input("{}", value.why());
  return invalid_input("expected a text, found a {}", type_name(value));
}

}  // namespace attune::text::jinja
