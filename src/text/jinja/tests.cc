// The tests behind `is`.
#include "text/jinja/arguments.h"
#include "text/jinja/characters.h"
#include "text/jinja/filters.h"
#include "text/jinja/operators.h"

namespace attune::text::jinja {
namespace {

using Predicate = bool (*)(const Value&);

template <Predicate kHolds>
Result<bool> plain(Rendering&, const Value& value, const CallArguments& arguments) {
  TRY(bind("the test", arguments, {}));
  return kHolds(value);
}

bool is_defined(const Value& v) { return !v.is_undefined(); }
bool is_undefined(const Value& v) { return v.is_undefined(); }
bool is_none(const Value& v) { return v.is_none(); }
bool is_boolean(const Value& v) { return v.is(Kind::kBool); }
bool is_true(const Value& v) { return v.is(Kind::kBool) && v.boolean(); }
bool is_false(const Value& v) { return v.is(Kind::kBool) && !v.boolean(); }
bool is_integer(const Value& v) { return v.is(Kind::kInt); }
bool is_float(const Value& v) { return v.is(Kind::kFloat); }
bool is_number(const Value& v) { return v.is_number(); }
bool is_string(const Value& v) { return v.is_string(); }
bool is_mapping(const Value& v) { return v.is(Kind::kDict); }
bool is_sequence(const Value& v) {
  return v.is_string() || v.is(Kind::kDict) || v.is_undefined() ||
         (v.is(Kind::kSequence) && v.sequence().shape <= Shape::kRange);
}
bool is_iterable(const Value& v) {
  return v.is_string() || v.is(Kind::kDict) || v.is_undefined() || v.is(Kind::kSequence) ||
         v.is(Kind::kLoop);
}
bool is_callable(const Value& v) {
  return v.is(Kind::kMacro) || v.is(Kind::kFunction) || v.is(Kind::kMethod) || v.is(Kind::kLoop) ||
         v.is_undefined();
}
bool is_escaped(const Value&) { return false; }

template <bool kUpper>
Result<bool> has_case(Rendering& r, const Value& value, const CallArguments& arguments) {
  TRY(bind("the test", arguments, {}));
  std::string text = TRY(str(r.budget(), value));
  return kUpper ? to_upper(text) == text && to_lower(text) != text
                : to_lower(text) == text && to_upper(text) != text;
}

Result<int64_t> remainder(Rendering& r, const Value& value, const Value& divisor) {
  Value rest = TRY(arithmetic(r.budget(), "%", value, divisor));
  if (rest.is_string()) return invalid_input("the test needs a number");
  return rest.number() == 0 ? 0 : rest.number() == 1 ? 1 : 2;
}

template <int64_t kRest>
Result<bool> parity(Rendering& r, const Value& value, const CallArguments& arguments) {
  TRY(bind("the test", arguments, {}));
  return TRY(remainder(r, value, Value(int64_t{2}))) == kRest;
}

Result<bool> divisible(Rendering& r, const Value& value, const CallArguments& arguments) {
  Bound bound = TRY(bind("divisibleby", arguments, {"num"}, 1));
  return TRY(remainder(r, value, *bound[0])) == 0;
}

Result<bool> same(Rendering&, const Value& value, const CallArguments& arguments) {
  Bound bound = TRY(bind("sameas", arguments, {"other"}, 1));
  return value.same_object(*bound[0]);
}

template <int kOperator>
Result<bool> compared(Rendering& r, const Value& value, const CallArguments& arguments) {
  static constexpr std::string_view kOperators[] = {"==", "!=", "<", "<=", ">", ">=", "in"};
  Bound bound = TRY(bind("the test", arguments, {"other"}, 1));
  return compare_with(r.budget(), kOperators[kOperator], value, *bound[0]);
}

Result<bool> filter_exists(Rendering&, const Value& value, const CallArguments& arguments) {
  TRY(bind("the test", arguments, {}));
  return value.is_string() && find_filter(value.string()) != nullptr;
}

Result<bool> test_exists(Rendering&, const Value& value, const CallArguments& arguments) {
  TRY(bind("the test", arguments, {}));
  return value.is_string() && tests().count(value.string()) > 0;
}

}  // namespace

const std::map<std::string_view, Test>& tests() {
  static const std::map<std::string_view, Test> known = {
      {"defined", plain<is_defined>},   {"undefined", plain<is_undefined>},
      {"none", plain<is_none>},         {"boolean", plain<is_boolean>},
      {"true", plain<is_true>},         {"false", plain<is_false>},
      {"integer", plain<is_integer>},   {"float", plain<is_float>},
      {"number", plain<is_number>},     {"string", plain<is_string>},
      {"mapping", plain<is_mapping>},   {"sequence", plain<is_sequence>},
      {"iterable", plain<is_iterable>}, {"callable", plain<is_callable>},
      {"escaped", plain<is_escaped>},   {"upper", has_case<true>},
      {"lower", has_case<false>},       {"odd", parity<1>},
      {"even", parity<0>},              {"divisibleby", divisible},
      {"sameas", same},                 {"filter", filter_exists},
      {"test", test_exists},            {"==", compared<0>},
      {"eq", compared<0>},              {"equalto", compared<0>},
      {"!=", compared<1>},              {"ne", compared<1>},
      {"<", compared<2>},               {"lt", compared<2>},
      {"lessthan", compared<2>},        {"<=", compared<3>},
      {"le", compared<3>},              {">", compared<4>},
      {"gt", compared<4>},              {"greaterthan", compared<4>},
      {">=", compared<5>},              {"ge", compared<5>},
      {"in", compared<6>},
  };
  return known;
}

}  // namespace attune::text::jinja
