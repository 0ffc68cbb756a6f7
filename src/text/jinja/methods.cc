#include "text/jinja/methods.h"

#include <algorithm>
#include <array>

#include "text/jinja/arguments.h"
#include "text/jinja/characters.h"
#include "text/jinja/operators.h"
#include "text/jinja/text_methods.h"

namespace attune::text::jinja {
namespace {

constexpr std::array<std::string_view, 5> kDictMethods = {"get", "items", "keys", "values", "copy"};
constexpr std::array<std::string_view, 3> kListMethods = {"index", "count", "copy"};

template <size_t N>
bool among(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Result<Value> call_get(Budget& budget, const Dict& dict, const CallArguments& arguments) {
  Bound bound = TRY(bind("get", arguments, {"key", "default"}, 1));
  if (!TRY(may_be_key(budget, *bound[0], dict.entries.size()))) {
    return invalid_input("a {} cannot be a key", type_name(*bound[0]));
  }
  const Value* found = dict.find(*bound[0]);
  if (found != nullptr) return *found;
  return bound[1].value_or(Value());
}

Result<Value> call_dict(Budget& budget, const Method& method, const CallArguments& arguments) {
  const Dict& dict = method.self.dict();
  if (method.name == "get") return call_get(budget, dict, arguments);
  TRY(bind(method.name, arguments, {}));
  if (method.name == "copy") return method.self;
  TRY(budget.step(dict.entries.size()));
  std::vector<Value> items;
  for (const auto& [key, value] : dict.entries) {
    if (method.name == "keys") {
      items.push_back(key);
    } else if (method.name == "values") {
      items.push_back(value);
    } else {
      items.push_back(TRY(make_sequence(budget, {key, value}, Shape::kTuple)));
    }
  }
  Shape shape = method.name == "keys"     ? Shape::kKeys
                : method.name == "values" ? Shape::kValues
                                          : Shape::kItems;
  return make_sequence(budget, std::move(items), shape);
}

Result<Value> call_list(Budget& budget, const Method& method, const CallArguments& arguments) {
  if (method.name == "copy") return method.self;
  Bound bound = TRY(bind(method.name, arguments, {"value"}, 1));
  const std::vector<Value>& items = method.self.sequence().items;
  int64_t count = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!TRY(equal(budget, items[i], *bound[0]))) continue;
    if (method.name == "index") return Value(static_cast<int64_t>(i));
    ++count;
  }
  if (method.name == "index") return invalid_input("the value is not in the list");
  return Value(count);
}

}  // namespace

bool has_method(const Value& value, std::string_view name) {
  if (value.is_string()) return is_text_method(name);
  if (value.is(Kind::kDict)) return among(kDictMethods, name);
  if (!value.is(Kind::kSequence) || value.sequence().shape > Shape::kRange) return false;
  return among(kListMethods, name) &&
         (name != "copy" || value.sequence().shape == Shape::kList);
}

Result<Value> call_method(Budget& budget, const Method& method, const CallArguments& arguments) {
  if (method.self.is_string()) return call_text_method(budget, method, arguments);
  if (method.self.is(Kind::kDict)) return call_dict(budget, method, arguments);
  return call_list(budget, method, arguments);
}

Result<Value> replace_text(Budget& budget, std::string_view text, std::string_view old,
                           std::string_view fresh, int64_t count) {
  TextBuilder out(budget);
  TRY(budget.step(text.size() / 64 + 1));
  size_t at = 0;
  for (int64_t done = 0; count < 0 || done < count; ++done) {
    size_t found = text.find(old, at);
    if (found == std::string_view::npos || !out.append(text.substr(at, found - at))) break;
    out.append(fresh);
    at = found + old.size();
    if (!old.empty()) continue;
    if (at >= text.size()) {  // an empty `old` stands between all characters
      return out.finish();
    }
    size_t size = character_at(text, at).size_bytes;
    out.append(text.substr(at, size));
    at += size;
  }
  out.append(text.substr(std::min(at, text.size())));
  return out.finish();
}

Result<Value> join_texts(Budget& budget, const std::vector<Value>& items,
                         std::string_view separator, bool convert) {
  TextBuilder out(budget);
  for (size_t i = 0; i < items.size() && !out.full(); ++i) {
    if (i > 0) out.append(separator);
    if (!convert) TRY(text_argument(items[i]));
    append_str(out, items[i]);
  }
  return out.finish();
}

}  // namespace attune::text::jinja
