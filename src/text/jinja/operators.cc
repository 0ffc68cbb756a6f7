#include "text/jinja/operators.h"

#include <cmath>

#include "text/jinja/characters.h"
#include "text/jinja/text_of.h"

namespace attune::text::jinja {
namespace {

Error no_operation(std::string_view op, const Value& a, const Value& b) {
  for (const Value* v : {&a, &b}) {
    if (v->is_undefined()) return invalid_input("{}", v->why());
  }
  return invalid_input("{} cannot be used between a {} and a {}; convert one of them, for example "
                       "with `| string`", op, type_name(a), type_name(b));
}

Error too_large() {
  return unsupported("a whole number does not fit into 64 bits; compute with smaller numbers");
}

Result<Value> integer_power(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) return invalid_input("0 cannot be raised to a negative power");
    return Value(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  int64_t result = 1;
  if (base == 0 || base == 1) return Value(exponent == 0 ? int64_t{1} : base);
  if (base == -1) return Value(exponent % 2 == 0 ? int64_t{1} : int64_t{-1});
  for (int64_t i = 0; i < exponent; ++i) {
    if (__builtin_mul_overflow(result, base, &result)) return too_large();
  }
  return Value(result);
}

// Rounds down, as Python's // and % do.
Result<Value> integer_division(std::string_view op, int64_t a, int64_t b) {
  if (b == 0) return invalid_input("division by zero");
  if (b == -1) {
    if (a == INT64_MIN && op == "//") return too_large();
    return Value(op == "//" ? -a : int64_t{0});
  }
  int64_t quotient = a / b;
  int64_t rest = a % b;
  if (rest != 0 && (rest < 0) != (b < 0)) {
    --quotient;
    rest += b;
  }
  return Value(op == "//" ? quotient : rest);
}

Result<Value> integer_arithmetic(std::string_view op, int64_t a, int64_t b) {
  int64_t result = 0;
  if (op == "+" || op == "-" || op == "*") {
    bool overflow = op == "+"   ? __builtin_add_overflow(a, b, &result)
                    : op == "-" ? __builtin_sub_overflow(a, b, &result)
                                : __builtin_mul_overflow(a, b, &result);
    return overflow ? Result<Value>(too_large()) : Value(result);
  }
  if (op == "**") return integer_power(a, b);
  if (op != "/") return integer_division(op, a, b);
  if (b == 0) return invalid_input("division by zero");
  return Value(static_cast<double>(a) / static_cast<double>(b));
}

Result<Value> float_arithmetic(std::string_view op, double a, double b) {
  if (op == "+") return Value(a + b);
  if (op == "-") return Value(a - b);
  if (op == "*") return Value(a * b);
  if (op == "**") {
    double result = std::pow(a, b);
    if ((a == 0 && b < 0) || (std::isnan(result) && !std::isnan(a) && !std::isnan(b)) ||
        (std::isinf(result) && std::isfinite(a) && std::isfinite(b))) {
      return invalid_input("{} ** {} has no real value of usable size", a, b);
    }
    return Value(result);
  }
  if (b == 0) return invalid_input("division by zero");
  if (op == "/") return Value(a / b);
  double rest = std::fmod(a, b);
  if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
  if (op == "%") return Value(rest == 0 ? std::copysign(0.0, b) : rest);
  return Value(std::floor((a - rest) / b + 0.5));
}

Result<Value> repeat(Budget& budget, const Value& value, int64_t count) {
  if (value.is_string()) {
    TextBuilder out(budget);
    out.append_times(value.string(), count);
    return out.finish();
  }
  const std::vector<Value>& items = value.sequence().items;
  std::vector<Value> made;
  if (count > 0 && items.size() > budget.limits().bytes_max / static_cast<uint64_t>(count)) {
    return budget.too_many_bytes();
  }
  for (int64_t i = 0; i < count && !items.empty(); ++i) {
    TRY(budget.bytes(items.size() * sizeof(Value)));
    made.insert(made.end(), items.begin(), items.end());
  }
  return make_sequence(budget, std::move(made), value.sequence().shape);
}

bool is_list_or_tuple(const Value& value) {
  return value.is(Kind::kSequence) &&
         (value.sequence().shape == Shape::kList || value.sequence().shape == Shape::kTuple);
}

Result<Value> join(Budget& budget, const Value& a, const Value& b) {
  if (a.is_string()) {
    TRY(budget.bytes(a.string().size() + b.string().size()));
    return Value(a.string() + b.string());
  }
  TRY(budget.step(a.sequence().items.size() + b.sequence().items.size()));
  std::vector<Value> items = a.sequence().items;
  items.insert(items.end(), b.sequence().items.begin(), b.sequence().items.end());
  return make_sequence(budget, std::move(items), a.sequence().shape);
}

// Where a slice starts, stops and how many elements it has, by Python's slice.indices.
struct SliceRange {
  int64_t start = 0;
  int64_t step = 1;
  int64_t count = 0;
};

int64_t clamp(int64_t index, int64_t size, int64_t low, int64_t high) {
  if (index < 0) index = index < -size ? low : index + size;
  return std::min(std::max(index, low), high);
}

SliceRange slice_range(const Value& start, const Value& stop, int64_t step, int64_t size) {
  int64_t low = step > 0 ? 0 : -1;
  int64_t high = step > 0 ? size : size - 1;
  int64_t from = step > 0 ? low : high;
  int64_t to = step > 0 ? high : low;
  if (!start.is_none()) from = clamp(start.integer(), size, low, high);
  if (!stop.is_none()) to = clamp(stop.integer(), size, low, high);
  SliceRange range{from, step, 0};
  if (step > 0 && from < to) range.count = (to - from - 1) / step + 1;
  if (step < 0 && from > to) range.count = (from - to - 1) / -step + 1;
  return range;
}

Result<Value> slice_text(Budget& budget, const std::string& text, const Value& start,
                         const Value& stop, int64_t step) {
  TRY(budget.step(text.size() / 64 + 1));
  std::vector<size_t> at = character_starts(text);
  SliceRange range = slice_range(start, stop, step, static_cast<int64_t>(at.size()) - 1);
  TextBuilder out(budget);
  if (range.step == 1 && range.count > 0) {
    size_t from = at[static_cast<size_t>(range.start)];
    size_t to = at[static_cast<size_t>(range.start + range.count)];
    out.append(std::string_view(text).substr(from, to - from));
    return out.finish();
  }
  for (int64_t i = 0, c = range.start; i < range.count; ++i) {
    size_t from = at[static_cast<size_t>(c)];
    out.append(std::string_view(text).substr(from, at[static_cast<size_t>(c) + 1] - from));
    if (i + 1 < range.count) c += range.step;
  }
  return out.finish();
}

bool is_slice_index(const Value& value) { return value.is_none() || value.is_integral(); }

}  // namespace

Result<Value> arithmetic(Budget& budget, std::string_view op, const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) return integer_arithmetic(op, a.integer(), b.integer());
  if (a.is_number() && b.is_number()) return float_arithmetic(op, a.number(), b.number());
  if (op == "%" && a.is_string()) return percent_format(budget, a.string(), b);
  if (op == "+") {
    bool lists = is_list_or_tuple(a) && is_list_or_tuple(b) &&
                 a.sequence().shape == b.sequence().shape;
    if (lists || (a.is_string() && b.is_string())) return join(budget, a, b);
  }
  if (op == "*") {
    if ((a.is_string() || is_list_or_tuple(a)) && b.is_integral()) {
      return repeat(budget, a, b.integer());
    }
    if ((b.is_string() || is_list_or_tuple(b)) && a.is_integral()) {
      return repeat(budget, b, a.integer());
    }
  }
  return no_operation(op, a, b);
}

Result<bool> compare_with(Budget& budget, std::string_view op, const Value& a, const Value& b) {
  if (op == "==") return equal(budget, a, b);
  if (op == "!=") return !TRY(equal(budget, a, b));
  if (op == "in") return contains(budget, b, a);
  if (op == "not in") return !TRY(contains(budget, b, a));
  bool numbers = a.is_number() && b.is_number();
  if (numbers && (std::isnan(a.number()) || std::isnan(b.number()))) return false;
  int sign = TRY(compare(budget, a, b));
  if (op == "<") return sign < 0;
  if (op == "<=") return sign <= 0;
  if (op == ">") return sign > 0;
  return sign >= 0;
}

Result<bool> contains(Budget& budget, const Value& container, const Value& item) {
  if (container.is_undefined()) return false;
  if (container.is_string()) {
    TRY(budget.step(container.string().size() / 64 + 1));
    if (item.is_string()) return container.string().find(item.string()) != std::string::npos;
    return no_operation("in", item, container);
  }
  if (container.is(Kind::kDict)) {
    if (!TRY(may_be_key(budget, item, container.dict().entries.size()))) {
      return invalid_input("a {} cannot be a key", type_name(item));
    }
    return container.dict().find(item) != nullptr;
  }
  if (!container.is(Kind::kSequence)) {
    return invalid_input("`in` needs a text, list or dict on its right side, found a {}",
                         type_name(container));
  }
  for (const Value& other : TRY(iterate(budget, container))) {
    if (TRY(equal(budget, other, item))) return true;
  }
  return false;
}

Result<std::optional<Value>> element(Budget& budget, const Value& container, const Value& key) {
  std::optional<Value> none;
  if (container.is(Kind::kDict)) {
    if (!TRY(may_be_key(budget, key, container.dict().entries.size()))) return none;
    const Value* found = container.dict().find(key);
    return found != nullptr ? std::optional<Value>(*found) : none;
  }
  if (!key.is_integral()) return none;
  int64_t index = key.integer();
  if (container.is_string()) {
    TRY(budget.step(container.string().size() / 64 + 1));
    std::vector<size_t> at = character_starts(container.string());
    int64_t size = static_cast<int64_t>(at.size()) - 1;
    if (index < 0) index += size;
    if (index < 0 || index >= size) return none;
    size_t i = static_cast<size_t>(index);
    return std::optional<Value>(
        TRY(make_string(budget, container.string().substr(at[i], at[i + 1] - at[i]))));
  }
  if (!container.is(Kind::kSequence)) return none;
  const Sequence& sequence = container.sequence();
  if (sequence.shape > Shape::kRange) return none;
  int64_t size = static_cast<int64_t>(sequence.items.size());
  if (index < 0) index += size;
  if (index < 0 || index >= size) return none;
  return std::optional<Value>(sequence.items[static_cast<size_t>(index)]);
}

Result<std::optional<Value>> slice(Budget& budget, const Value& container, const Value& start,
                                   const Value& stop, const Value& step) {
  bool sequence = container.is(Kind::kSequence) && container.sequence().shape <= Shape::kRange;
  if (!sequence && !container.is_string()) return std::optional<Value>();
  if (!is_slice_index(start) || !is_slice_index(stop) || !is_slice_index(step)) {
    return std::optional<Value>();
  }
  int64_t stride = step.is_none() ? 1 : step.integer();
  if (stride == 0) return invalid_input("a slice cannot have the step 0");
  stride = std::max(stride, -INT64_MAX);
  if (container.is_string()) {
    return std::optional<Value>(
        TRY(slice_text(budget, container.string(), start, stop, stride)));
  }
  const std::vector<Value>& items = container.sequence().items;
  SliceRange range = slice_range(start, stop, stride, static_cast<int64_t>(items.size()));
  TRY(budget.step(static_cast<uint64_t>(range.count)));
  std::vector<Value> made;
  for (int64_t i = 0, at = range.start; i < range.count; ++i) {
    made.push_back(items[static_cast<size_t>(at)]);
    if (i + 1 < range.count) at += range.step;
  }
  Shape shape = container.sequence().shape == Shape::kRange ? Shape::kList
                                                            : container.sequence().shape;
  return std::optional<Value>(TRY(make_sequence(budget, std::move(made), shape)));
}

}  // namespace attune::text::jinja
