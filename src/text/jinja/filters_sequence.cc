#include <algorithm>

#include "text/jinja/arguments.h"
#include "text/jinja/characters.h"
#include "text/jinja/filters.h"
#include "text/jinja/methods.h"
#include "text/jinja/operators.h"
#include "text/jinja/sorting.h"

namespace attune::text::jinja {
namespace {

Error no_dict(const Value& value) {
  return invalid_input("it needs a dict, found a {}", type_name(value));
}

Result<Value> count(Rendering&, const Value& value, const CallArguments& arguments) {
  TRY(bind("it", arguments, {}));
  return Value(TRY(length(value)));
}

Result<Value> list(Rendering& r, const Value& value, const CallArguments& arguments) {
  TRY(bind("it", arguments, {}));
  return make_sequence(r.budget(), TRY(iterate(r.budget(), value)));
}

Result<Value> first(Rendering& r, const Value& value, const CallArguments& arguments) {
  TRY(bind("it", arguments, {}));
  std::vector<Value> items = TRY(iterate(r.budget(), value));
  return items.empty() ? Value::undefined("the list has no first item") : items.front();
}

Result<Value> last(Rendering& r, const Value& value, const CallArguments& arguments) {
  TRY(bind("it", arguments, {}));
  if (value.is(Kind::kSequence) && value.sequence().shape == Shape::kGenerator) {
    return invalid_input("a generator has no last item; put `| list` before `| last`");
  }
  std::vector<Value> items = TRY(iterate(r.budget(), value));
  return items.empty() ? Value::undefined("the list has no last item") : items.back();
}

Result<Value> join(Rendering& r, const Value& value, const CallArguments& arguments) {
  Bound bound = TRY(bind("it", arguments, {"d", "attribute"}));
  std::vector<Value> items = TRY(iterate(r.budget(), value));
  if (bound[1] && !bound[1]->is_none()) {
    for (Value& item : items) item = TRY(follow(r, item, *bound[1]));
  }
  std::string separator = bound[0] ? TRY(str(r.budget(), *bound[0])) : "";
  return join_texts(r.budget(), items, separator, true);
}

Result<Value> reverse(Rendering& r, const Value& value, const CallArguments& arguments) {
  TRY(bind("it", arguments, {}));
  std::vector<Value> items = TRY(iterate(r.budget(), value));
  std::reverse(items.begin(), items.end());
  if (value.is_string()) return join_texts(r.budget(), items, "", true);
  return make_sequence(r.budget(), std::move(items), Shape::kGenerator);
}

Result<Value> items_of(Rendering& r, const Value& value, const CallArguments& arguments) {
  TRY(bind("it", arguments, {}));
  std::vector<Value> pairs;
  if (!value.is_undefined()) {
    if (!value.is(Kind::kDict)) return no_dict(value);
    TRY(r.budget().step(value.dict().entries.size()));
    for (const auto& [key, item] : value.dict().entries) {
      pairs.push_back(TRY(make_sequence(r.budget(), {key, item}, Shape::kTuple)));
    }
  }
  return make_sequence(r.budget(), std::move(pairs), Shape::kGenerator);
}

// What is compared: the attribute, in lower case unless case_sensitive.
Result<Value> sort_key(Rendering& r, const Value& item, const Value* attribute, bool sensitive) {
  Value key = attribute != nullptr ? TRY(follow(r, item, *attribute)) : item;
  if (sensitive || !key.is_string()) return key;
  return make_string(r.budget(), to_lower(key.string()));
}

Result<Value> sort(Rendering& r, const Value& value, const CallArguments& arguments) {
  Bound bound = TRY(bind("it", arguments, {"reverse", "case_sensitive", "attribute"}));
  std::vector<Value> items = TRY(iterate(r.budget(), value));
  bool sensitive = truth_or(bound[1], false);
  const Value* attribute = bound[2] && !bound[2]->is_none() ? &*bound[2] : nullptr;
  std::vector<Keyed> keyed;
  for (Value& item : items) {
    std::vector<Value> keys;
    if (attribute != nullptr && attribute->is_string()) {
      std::string_view names = attribute->string();
      for (size_t at = 0; at != std::string_view::npos;) {
        size_t comma = names.find(',', at);
        size_t size = comma == std::string_view::npos ? comma : comma - at;
        Value name(std::string(names.substr(at, size)));
        keys.push_back(TRY(sort_key(r, item, &name, sensitive)));
        at = comma == std::string_view::npos ? comma : comma + 1;
      }
    } else {
      keys.push_back(TRY(sort_key(r, item, attribute, sensitive)));
    }
    keyed.push_back({std::move(keys), std::move(item)});
  }
  bool falling = truth_or(bound[0], false);
  return make_sequence(r.budget(), TRY(sorted(r.budget(), std::move(keyed), falling)));
}

Result<Value> dictsort(Rendering& r, const Value& value, const CallArguments& arguments) {
  Bound bound = TRY(bind("it", arguments, {"case_sensitive", "by", "reverse"}));
  std::string by = TRY(text_or(bound[1], "key"));
  if (by != "key" && by != "value") return invalid_input("`by` must be 'key' or 'value'");
  if (!value.is(Kind::kDict)) return no_dict(value);
  std::vector<Keyed> keyed;
  for (const auto& [key, item] : value.dict().entries) {
    Value compared = TRY(sort_key(r, by == "key" ? key : item, nullptr, truth_or(bound[0], false)));
    keyed.push_back({{compared}, TRY(make_sequence(r.budget(), {key, item}, Shape::kTuple))});
  }
  bool falling = truth_or(bound[2], false);
  return make_sequence(r.budget(), TRY(sorted(r.budget(), std::move(keyed), falling)));
}

Result<Value> unique(Rendering& r, const Value& value, const CallArguments& arguments) {
  Bound bound = TRY(bind("it", arguments, {"case_sensitive", "attribute"}));
  const Value* attribute = bound[1] && !bound[1]->is_none() ? &*bound[1] : nullptr;
  std::vector<Value> kept;
  Dict seen;
  for (Value& item : TRY(iterate(r.budget(), value))) {
    Value key = TRY(sort_key(r, item, attribute, truth_or(bound[0], false)));
    if (!TRY(may_be_key(r.budget(), key, seen.entries.size()))) {
      return invalid_input("a {} cannot be told from others", type_name(key));
    }
    if (seen.find(key) != nullptr) continue;
    seen.set(std::move(key), Value());
    kept.push_back(std::move(item));
  }
  return make_sequence(r.budget(), std::move(kept), Shape::kGenerator);
}

template <int kSign>
Result<Value> extreme(Rendering& r, const Value& value, const CallArguments& arguments) {
  Bound bound = TRY(bind("it", arguments, {"case_sensitive", "attribute"}));
  const Value* attribute = bound[1] && !bound[1]->is_none() ? &*bound[1] : nullptr;
  std::vector<Value> items = TRY(iterate(r.budget(), value));
  if (items.empty()) return Value::undefined("the list has no item");
  size_t best = 0;
  Value best_key = TRY(sort_key(r, items[0], attribute, truth_or(bound[0], false)));
  for (size_t i = 1; i < items.size(); ++i) {
    Value key = TRY(sort_key(r, items[i], attribute, truth_or(bound[0], false)));
    if (TRY(compare(r.budget(), key, best_key)) * kSign <= 0) continue;
    best = i;
    best_key = std::move(key);
  }
  return items[best];
}

Result<Value> sum(Rendering& r, const Value& value, const CallArguments& arguments) {
  Bound bound = TRY(bind("it", arguments, {"attribute", "start"}));
  Value total = bound[1].value_or(Value(int64_t{0}));
  if (total.is_string()) return invalid_input("texts cannot be summed; use `join`");
  for (const Value& item : TRY(iterate(r.budget(), value))) {
    bool direct = !bound[0] || bound[0]->is_none();
    Value term = direct ? item : TRY(follow(r, item, *bound[0]));
    total = TRY(arithmetic(r.budget(), "+", total, term));
  }
  return total;
}

Result<Value> batch(Rendering& r, const Value& value, const CallArguments& arguments) {
  Bound bound = TRY(bind("it", arguments, {"linecount", "fill_with"}, 1));
  int64_t size = TRY(int_or(bound[0], 1));
  std::vector<Value> rows;
  std::vector<Value> row;
  for (Value& item : TRY(iterate(r.budget(), value))) {
    if (static_cast<int64_t>(row.size()) == size) {
      rows.push_back(TRY(make_sequence(r.budget(), std::exchange(row, {}))));
    }
    row.push_back(std::move(item));
  }
  if (!row.empty()) {
    bool fill = bound[1] && !bound[1]->is_none();
    if (fill && static_cast<int64_t>(row.size()) < size) {
      uint64_t missing = static_cast<uint64_t>(size) - row.size();
      TRY(r.budget().step(missing));
      row.insert(row.end(), missing, *bound[1]);
    }
    rows.push_back(TRY(make_sequence(r.budget(), std::move(row))));
  }
  return make_sequence(r.budget(), std::move(rows), Shape::kGenerator);
}

Result<Value> groupby(Rendering& r, const Value& value, const CallArguments& arguments) {
  Bound bound = TRY(bind("it", arguments, {"attribute", "default", "case_sensitive"}, 1));
  std::vector<Keyed> keyed;
  for (Value& item : TRY(iterate(r.budget(), value))) {
    Value key = TRY(follow(r, item, *bound[0]));
    if (key.is_undefined() && bound[1]) key = *bound[1];
    keyed.push_back({{key}, TRY(make_sequence(r.budget(), {key, item}, Shape::kTuple))});
  }
  std::vector<Value> groups;
  std::vector<Value> members;
  Value current;
  auto close = [&]() -> Status {
    if (members.empty()) return {};
    Value list_of = TRY(make_sequence(r.budget(), std::exchange(members, {})));
    groups.push_back(TRY(make_sequence(r.budget(), {current, list_of}, Shape::kTuple)));
    return {};
  };
  for (const Value& pair : TRY(sorted(r.budget(), std::move(keyed), false))) {
    const Value& key = pair.sequence().items[0];
    bool same = TRY(equal(r.budget(), key, current));
    if (!same) TRY(close());
    current = key;
    members.push_back(pair.sequence().items[1]);
  }
  TRY(close());
  return make_sequence(r.budget(), std::move(groups));
}

}  // namespace

const std::map<std::string_view, Filter>& sequence_filters() {
  static const std::map<std::string_view, Filter> known = {
      {"length", count},     {"count", count},   {"list", list},       {"first", first},
      {"last", last},        {"join", join},     {"reverse", reverse}, {"items", items_of},
      {"sort", sort},        {"unique", unique}, {"sum", sum},         {"dictsort", dictsort},
      {"min", extreme<-1>},  {"max", extreme<1>}, {"batch", batch},    {"groupby", groupby},
  };
  return known;
}

}  // namespace attune::text::jinja
