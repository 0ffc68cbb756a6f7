#include "text/jinja/value.h"

#include <cmath>

#include "text/jinja/characters.h"
#include "text/jinja/loop.h"

namespace attune::text::jinja {
namespace {

constexpr uint64_t kValueBytes = 40;

bool keys_equal(const Value& a, const Value& b);

bool sequences_equal(const Sequence& a, const Sequence& b) {
  if (a.shape != b.shape || a.items.size() != b.items.size()) return false;
  for (size_t i = 0; i < a.items.size(); ++i) {
    if (!keys_equal(a.items[i], b.items[i])) return false;
  }
  return true;
}

// Equality of keys, whose walk may_be_key has paid for.
bool keys_equal(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) {
    if (a.is_integral() && b.is_integral()) return a.integer() == b.integer();
    return a.number() == b.number();
  }
  if (a.kind() != b.kind()) return false;
  if (a.is_string()) return a.string() == b.string();
  if (a.is(Kind::kSequence)) return sequences_equal(a.sequence(), b.sequence());
  return a.is_none() || a.is_undefined() || a.same_object(b);
}

template <typename T>
int order(const T& a, const T& b) {
  if (a < b) return -1;
  return b < a ? 1 : 0;
}

Result<bool> equal_items(Budget& budget, const std::vector<Value>& a, const std::vector<Value>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!TRY(equal(budget, a[i], b[i]))) return false;
  }
  return true;
}

Result<bool> equal_dicts(Budget& budget, const Dict& a, const Dict& b) {
  if (a.entries.size() != b.entries.size()) return false;
  for (const auto& [key, value] : a.entries) {
    TRY(may_be_key(budget, key, b.entries.size()));
    const Value* other = b.find(key);
    if (other == nullptr || !TRY(equal(budget, value, *other))) return false;
  }
  return true;
}

Result<Value> from_json_at(const OrderedJson& json, int depth);

Result<Value> array_from_json(const OrderedJson& json, int depth) {
  auto list = std::make_shared<Sequence>();
  list->items.reserve(json.size());
  for (const OrderedJson& item : json) {
    list->items.push_back(TRY(from_json_at(item, depth + 1)));
    list->depth = std::max(list->depth, list->items.back().depth() + 1);
  }
  return Value(std::shared_ptr<const Sequence>(std::move(list)));
}

Result<Value> object_from_json(const OrderedJson& json, int depth) {
  auto dict = std::make_shared<Dict>();
  for (const auto& [key, item] : json.items()) {
    Value value = TRY(from_json_at(item, depth + 1));
    dict->depth = std::max(dict->depth, value.depth() + 1);
    dict->set(Value(key), std::move(value));
  }
  return Value(std::shared_ptr<const Dict>(std::move(dict)));
}

Result<Value> from_json_at(const OrderedJson& json, int depth) {
  if (depth > kJsonDepthMax) {
    return invalid_input("a value is nested deeper than {} levels", kJsonDepthMax);
  }
  if (json.is_object()) return object_from_json(json, depth);
  if (json.is_array()) return array_from_json(json, depth);
  if (json.is_string()) return Value(json.get<std::string>());
  if (json.is_boolean()) return Value(json.get<bool>());
  if (json.is_number_float()) return Value(json.get<double>());
  if (json.is_number_unsigned() && json.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) {
    return invalid_input("the number {} does not fit into 64 bits; write it as a string",
                         json.get<uint64_t>());
  }
  if (json.is_number()) return Value(json.get<int64_t>());
  return Value();
}

}  // namespace

int64_t Value::integer() const {
  return is(Kind::kBool) ? int64_t{boolean()} : std::get<int64_t>(data_);
}

double Value::number() const {
  return is(Kind::kFloat) ? std::get<double>(data_) : static_cast<double>(integer());
}

int Value::depth() const {
  switch (kind()) {
    case Kind::kSequence: return sequence().depth;
    case Kind::kDict: return dict().depth;
    case Kind::kLoop: return loop().depth_of_values;
    case Kind::kMethod: return method().self.depth() + 1;
    default: return 0;
  }
}

bool Value::same_object(const Value& b) const {
  if (kind() != b.kind()) return false;
  switch (kind()) {
    case Kind::kUndefined: return &why() == &b.why();
    case Kind::kNone: return true;
    case Kind::kBool:
    case Kind::kInt: return integer() == b.integer();
    case Kind::kFloat: return number() == b.number();
    case Kind::kString: return string() == b.string();  // as interned literals are
    case Kind::kSequence: return &sequence() == &b.sequence();
    case Kind::kDict: return &dict() == &b.dict();
    case Kind::kNamespace: return &name_space() == &b.name_space();
    case Kind::kLoop: return &loop() == &b.loop();
    case Kind::kMacro: return macro() == b.macro();
    case Kind::kFunction: return function() == b.function();
    case Kind::kMethod: return &method() == &b.method();
  }
  return false;
}

const Value* Dict::find(std::string_view key) const {
  auto at = strings.find(key);
  return at == strings.end() ? nullptr : &entries[at->second].second;
}

const Value* Dict::find(const Value& key) const {
  if (key.is_string()) return find(key.string());
  for (const auto& [known, value] : entries) {
    if (keys_equal(known, key)) return &value;
  }
  return nullptr;
}

void Dict::set(Value key, Value value) {
  if (const Value* old = find(key)) {
    *const_cast<Value*>(old) = std::move(value);
    return;
  }
  entries.emplace_back(std::move(key), std::move(value));
  const Value& stored = entries.back().first;  // its text is shared, so the view stays
  if (stored.is_string()) strings.emplace(stored.string(), entries.size() - 1);
}

Result<Value> make_string(Budget& budget, std::string text) {
  TRY(budget.bytes(text.size() + kValueBytes));
  return Value(std::move(text));
}

Result<Value> make_sequence(Budget& budget, std::vector<Value> items, Shape shape) {
  TRY(budget.bytes((items.size() + 1) * kValueBytes));
  auto made = std::make_shared<Sequence>();
  for (const Value& item : items) made->depth = std::max(made->depth, item.depth() + 1);
  if (made->depth > kValueDepthMax) {
    return unsupported("the template nests lists deeper than {} levels", kValueDepthMax);
  }
  made->items = std::move(items);
  made->shape = shape;
  if (shape == Shape::kGenerator) made->label = "<generator object>";
  return Value(std::shared_ptr<const Sequence>(std::move(made)));
}

Result<Value> make_dict(Budget& budget, Dict dict) {
  TRY(budget.bytes((dict.entries.size() + 1) * 3 * kValueBytes));
  for (const auto& [key, value] : dict.entries) {
    dict.depth = std::max({dict.depth, value.depth() + 1, key.depth() + 1});
  }
  if (dict.depth > kValueDepthMax) {
    return unsupported("the template nests dicts deeper than {} levels", kValueDepthMax);
  }
  return Value(std::make_shared<const Dict>(std::move(dict)));
}

Result<Value> from_json(const OrderedJson& json) { return from_json_at(json, 1); }

bool truthy(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kNone: return false;
    case Kind::kBool:
    case Kind::kInt: return value.integer() != 0;
    case Kind::kFloat: return value.number() != 0.0;
    case Kind::kString: return !value.string().empty();
    case Kind::kSequence:
      return value.sequence().shape == Shape::kGenerator || !value.sequence().items.empty();
    case Kind::kDict: return !value.dict().entries.empty();
    default: return true;
  }
}

Result<bool> may_be_key(Budget& budget, const Value& value, size_t others) {
  TRY(budget.step(value.is_string() ? 1 : others + 1));
  if (value.is(Kind::kDict)) return false;
  if (!value.is(Kind::kSequence)) return true;
  if (value.sequence().shape != Shape::kTuple) return false;
  for (const Value& item : value.sequence().items) {
    if (!TRY(may_be_key(budget, item, others))) return false;
  }
  return true;
}

Result<bool> equal(Budget& budget, const Value& a, const Value& b) {
  TRY(budget.step());
  if (a.is(Kind::kSequence) && b.is(Kind::kSequence)) {
    if (a.same_object(b)) return true;
    if (a.sequence().shape != b.sequence().shape) return false;
    if (a.sequence().shape == Shape::kGenerator) return false;
    return equal_items(budget, a.sequence().items, b.sequence().items);
  }
  if (a.is(Kind::kDict) && b.is(Kind::kDict)) {
    return a.same_object(b) ? Result<bool>(true) : equal_dicts(budget, a.dict(), b.dict());
  }
  return keys_equal(a, b);
}

Result<int> compare(Budget& budget, const Value& a, const Value& b) {
  TRY(budget.step());
  if (a.is_number() && b.is_number()) {
    if (a.is_integral() && b.is_integral()) return order(a.integer(), b.integer());
    return order(a.number(), b.number());
  }
  if (a.is_string() && b.is_string()) return order(a.string(), b.string());
  bool sequences = a.is(Kind::kSequence) && b.is(Kind::kSequence) &&
                   a.sequence().shape == b.sequence().shape &&
                   (a.sequence().shape == Shape::kList || a.sequence().shape == Shape::kTuple);
  if (!sequences) {
    if (a.is_undefined()) return invalid_input("{}", a.why());
    if (b.is_undefined()) return invalid_input("{}", b.why());
    return invalid_input("a {} and a {} cannot be put in order", type_name(a), type_name(b));
  }
  const std::vector<Value>& x = a.sequence().items;
  const std::vector<Value>& y = b.sequence().items;
  for (size_t i = 0; i < x.size() && i < y.size(); ++i) {
    if (!TRY(equal(budget, x[i], y[i]))) return compare(budget, x[i], y[i]);
  }
  return order(x.size(), y.size());
}

Result<std::vector<Value>> iterate(Budget& budget, const Value& value) {
  std::vector<Value> items;
  if (value.is_undefined()) return items;
  if (value.is(Kind::kSequence)) {
    const Sequence& sequence = value.sequence();
    TRY(budget.step(sequence.items.size()));
    if (sequence.consumed) return items;
    sequence.consumed = sequence.shape == Shape::kGenerator;
    return sequence.items;
  }
  if (value.is(Kind::kDict)) {
    TRY(budget.step(value.dict().entries.size()));
    for (const auto& entry : value.dict().entries) items.push_back(entry.first);
    return items;
  }
  if (value.is_string()) {
    const std::string& text = value.string();
    TRY(budget.bytes(text.size() * kValueBytes));
    for (size_t at = 0; at < text.size();) {
      size_t size = character_at(text, at).size_bytes;
      items.emplace_back(text.substr(at, size));
      at += size;
    }
    return items;
  }
  return invalid_input("a {} cannot be walked through; give a list", type_name(value));
}

Result<int64_t> length(const Value& value) {
  if (value.is_undefined()) return 0;
  if (value.is_string()) return static_cast<int64_t>(character_count(value.string()));
  if (value.is(Kind::kDict)) return static_cast<int64_t>(value.dict().entries.size());
  if (value.is(Kind::kSequence) && value.sequence().shape != Shape::kGenerator) {
    return static_cast<int64_t>(value.sequence().items.size());
  }
  return invalid_input("a {} has no length; put `| list` before `| length`", type_name(value));
}

std::string type_name(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined: return "Undefined";
    case Kind::kNone: return "NoneType";
    case Kind::kBool: return "bool";
    case Kind::kInt: return "int";
    case Kind::kFloat: return "float";
    case Kind::kString: return "str";
    case Kind::kDict: return "dict";
    case Kind::kNamespace: return "Namespace";
    case Kind::kLoop: return "LoopContext";
    case Kind::kMacro: return "Macro";
    case Kind::kFunction: return "function";
    case Kind::kMethod: return "method";
    case Kind::kSequence: break;
  }
  switch (value.sequence().shape) {
    case Shape::kList: return "list";
    case Shape::kTuple: return "tuple";
    case Shape::kRange: return "range";
    case Shape::kGenerator: return "generator";
    case Shape::kKeys: return "dict_keys";
    case Shape::kValues: return "dict_values";
    case Shape::kItems: return "dict_items";
  }
  return "sequence";
}

}  // namespace attune::text::jinja
