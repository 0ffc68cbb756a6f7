// The values that a template computes with: Python's None, bool, int (64 bits here; larger results
// are errors), float, str, list, tuple and dict, Jinja's Undefined, namespace and loop, and things
// to call. Lists and dicts never change once made, so they share; a namespace belongs to the
// rendering that made it (Rendering::namespaces) and lives exactly as long, so no cycle can leak.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/jinja/budget.h"

namespace attune::text::jinja {

class Value;
struct Sequence;
struct Dict;
struct Namespace;
struct LoopState;
struct Macro;
struct Method;

// Something that is not there; `why` is the text of the error that using it gives.
struct Undefined {
  std::shared_ptr<const std::string> why;
};
struct None {};
enum class Function { kRange, kDict, kNamespace, kRaiseException, kStrftimeNow };

enum class Kind {  // in the order of Value's variant
  kUndefined, kNone, kBool, kInt, kFloat, kString, kSequence, kDict, kNamespace, kLoop, kMacro,
  kFunction, kMethod
};

class Value {
 public:
  Value() : data_(None{}) {}
  Value(bool v) : data_(v) {}
  Value(int64_t v) : data_(v) {}
  Value(double v) : data_(v) {}
  Value(const char*) = delete;
  explicit Value(std::string v) : data_(std::make_shared<const std::string>(std::move(v))) {}
  Value(std::shared_ptr<const Sequence> v) : data_(std::move(v)) {}
  Value(std::shared_ptr<const Dict> v) : data_(std::move(v)) {}
  Value(Namespace* v) : data_(v) {}
  Value(std::shared_ptr<LoopState> v) : data_(std::move(v)) {}
  Value(std::shared_ptr<const Macro> v) : data_(std::move(v)) {}
  Value(Function v) : data_(v) {}
  Value(std::shared_ptr<const Method> v) : data_(std::move(v)) {}
  static Value undefined(std::string why) {
    Value v;
    v.data_ = Undefined{std::make_shared<const std::string>(std::move(why))};
    return v;
  }

  Kind kind() const { return static_cast<Kind>(data_.index()); }
  bool is(Kind kind) const { return this->kind() == kind; }
  bool is_undefined() const { return is(Kind::kUndefined); }
  bool is_none() const { return is(Kind::kNone); }
  bool is_string() const { return is(Kind::kString); }
  bool is_number() const { return is(Kind::kBool) || is(Kind::kInt) || is(Kind::kFloat); }
  bool is_integral() const { return is(Kind::kBool) || is(Kind::kInt); }

  // Each requires its kind.
  const std::string& why() const { return *std::get<Undefined>(data_).why; }
  bool boolean() const { return std::get<bool>(data_); }
  int64_t integer() const;  // kInt or kBool
  double number() const;    // kInt, kBool or kFloat
  const std::string& string() const { return *std::get<StringPtr>(data_); }
  const Sequence& sequence() const { return *std::get<std::shared_ptr<const Sequence>>(data_); }
  const Dict& dict() const { return *std::get<std::shared_ptr<const Dict>>(data_); }
  Namespace& name_space() const { return *std::get<Namespace*>(data_); }
  LoopState& loop() const { return *std::get<std::shared_ptr<LoopState>>(data_); }
  std::shared_ptr<const Macro> macro() const { return std::get<MacroPtr>(data_); }
  Function function() const { return std::get<Function>(data_); }
  const Method& method() const { return *std::get<std::shared_ptr<const Method>>(data_); }

  int depth() const;                       // of nested containers
  bool same_object(const Value& b) const;  // Python's `is`

 private:
  using StringPtr = std::shared_ptr<const std::string>;
  using MacroPtr = std::shared_ptr<const Macro>;
  std::variant<Undefined, None, bool, int64_t, double, StringPtr, std::shared_ptr<const Sequence>,
               std::shared_ptr<const Dict>, Namespace*, std::shared_ptr<LoopState>, MacroPtr,
               Function, std::shared_ptr<const Method>>
      data_;
};

// What Python calls the type of a sequence: only lists, tuples and ranges can be indexed; a
// generator has no length and can be read once.
enum class Shape { kList, kTuple, kRange, kGenerator, kKeys, kValues, kItems };

struct Sequence {
  std::vector<Value> items;
  Shape shape = Shape::kList;
  int depth = 1;
  std::string label = {};         // what printing a range or generator shows
  mutable bool consumed = false;  // of a generator
};

// Insertion order, unique keys. Strings are found by hash, other keys by walking.
struct Dict {
  std::vector<std::pair<Value, Value>> entries;
  std::unordered_map<std::string_view, size_t> strings = {};
  int depth = 1;

  const Value* find(std::string_view key) const;
  const Value* find(const Value& key) const;  // any that may_be_key
  void set(Value key, Value value);           // only while it is being built
};

struct Namespace {
  std::map<std::string, Value, std::less<>> attributes;
};

struct Method {
  Value self;
  std::string name;
};

// Every value that a template makes is paid for: kUnsupported when too large or nested too deep.
Result<Value> make_string(Budget& budget, std::string text);
Result<Value> make_sequence(Budget& budget, std::vector<Value> items, Shape shape = Shape::kList);
Result<Value> make_dict(Budget& budget, Dict dict);

// The caller's data; nesting over kValueDepthMax and integers beyond 64 bits are kInvalidInput.
Result<Value> from_json(const OrderedJson& json);

bool truthy(const Value& value);
// Whether a value may be a key of a dict. Pays for looking it up among `others` keys: text is found
// by its hash, all else is compared with each of them.
Result<bool> may_be_key(Budget& budget, const Value& value, size_t others);
// Python's ==; pays for each element visited.
Result<bool> equal(Budget& budget, const Value& a, const Value& b);
// -1, 0 or 1; an Error for types that Python does not order.
Result<int> compare(Budget& budget, const Value& a, const Value& b);

// What iterating yields, without copies for lists; an Error when Python would not iterate.
Result<std::vector<Value>> iterate(Budget& budget, const Value& value);
// Python's len().
Result<int64_t> length(const Value& value);

// The type's name as Python's messages have it: "str", "dict", "NoneType".
std::string type_name(const Value& value);

}  // namespace attune::text::jinja
