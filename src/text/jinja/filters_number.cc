#include <charconv>
#include <cmath>
#include <cstdlib>

#include "text/jinja/arguments.h"
#include "text/jinja/characters.h"
#include "text/jinja/filters.h"
#include "text/jinja/operators.h"

namespace attune::text::jinja {
namespace {

// The text less blanks, underscores between digits and a plus sign; empty when Python's int() or
// float() would not read it.
std::string plain_number(std::string_view text) {
  text = strip(text, true, true);
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      plain += text[i];
      continue;
    }
    bool between = i > 0 && i + 1 < text.size() &&
                   std::isalnum(static_cast<unsigned char>(text[i - 1])) &&
                   std::isalnum(static_cast<unsigned char>(text[i + 1]));
    if (!between) return {};
  }
  return plain;
}

std::optional<double> read_float(std::string_view text) {
  std::string plain = plain_number(text);
  double value = 0;
  const char* end = plain.data() + plain.size();
  auto read = std::from_chars(plain.data(), end, value);
  if (read.ec == std::errc::result_out_of_range) return std::strtod(plain.c_str(), nullptr);
  if (plain.empty() || read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return value;
}

std::optional<int64_t> whole(double value) {
  if (!(value > -9.2e18 && value < 9.2e18)) return std::nullopt;
  return static_cast<int64_t>(value);
}

std::optional<int64_t> read_int(std::string_view text, int base) {
  std::string plain = plain_number(text);
  bool negative = plain.starts_with('-');
  std::string_view digits = std::string_view(plain).substr(negative ? 1 : 0);
  if (digits.size() > 2 && digits[0] == '0') {
    char mark = static_cast<char>(digits[1] | 32);
    int marked = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
    if (marked == base || (base == 0 && marked > 0)) {
      digits.remove_prefix(2);
      base = marked;
    }
  }
  int64_t value = 0;
  const char* end = digits.data() + digits.size();
  auto read = std::from_chars(digits.data(), end, value, base == 0 ? 10 : base);
  if (digits.empty() || digits[0] == '-' || read.ec != std::errc() || read.ptr != end) {
    return std::nullopt;
  }
  return negative ? -value : value;
}

Result<Value> to_int(Rendering&, const Value& value, const CallArguments& arguments) {
  Bound bound = TRY(bind("it", arguments, {"default", "base"}));
  Value fallback = bound[0].value_or(Value(int64_t{0}));
  int64_t base = TRY(int_or(bound[1], 10));
  if (value.is_undefined()) return invalid_input("{}", value.why());
  std::optional<int64_t> made;
  if (value.is_integral()) made = value.integer();
  if (value.is(Kind::kFloat)) made = whole(value.number());
  if (value.is_string()) {
    bool usable = base == 0 || (base >= 2 && base <= 36);
    if (usable) made = read_int(value.string(), static_cast<int>(base));
    if (!made) {
      auto as_float = read_float(value.string());
      if (as_float) made = whole(*as_float);
    }
  }
  return made ? Value(*made) : fallback;
}

Result<Value> to_float(Rendering&, const Value& value, const CallArguments& arguments) {
  Bound bound = TRY(bind("it", arguments, {"default"}));
  if (value.is_undefined()) return invalid_input("{}", value.why());
  if (value.is_number()) return Value(value.number());
  std::optional<double> made;
  if (value.is_string()) made = read_float(value.string());
  return made ? Value(*made) : bound[0].value_or(Value(0.0));
}

Result<Value> absolute(Rendering& r, const Value& value, const CallArguments& arguments) {
  TRY(bind("it", arguments, {}));
  if (value.is(Kind::kFloat)) return Value(std::fabs(value.number()));
  if (!value.is_integral()) return invalid_input("a {} has no absolute value", type_name(value));
  if (value.integer() >= 0) return Value(value.integer());
  return arithmetic(r.budget(), "-", Value(int64_t{0}), value);
}

// Half to even on the exact value of the double, as Python's round.
double rounded(double value, int64_t digits) {
  if (!std::isfinite(value) || digits > 300) return value;
  if (digits >= 0) return std::strtod(fmt::format("{:.{}f}", value, digits).c_str(), nullptr);
  double scale = std::pow(10.0, static_cast<double>(-digits));
  return digits < -308 ? 0.0 : std::nearbyint(value / scale) * scale;
}

Result<Value> round(Rendering&, const Value& value, const CallArguments& arguments) {
  Bound bound = TRY(bind("it", arguments, {"precision", "method"}));
  int64_t digits = TRY(int_or(bound[0], 0));
  std::string method = TRY(text_or(bound[1], "common"));
  if (!value.is_number()) return invalid_input("a {} cannot be rounded", type_name(value));
  if (method == "common") {
    if (!value.is_integral()) return Value(rounded(value.number(), digits));
    if (digits >= 0) return Value(value.integer());
    return Value(static_cast<int64_t>(rounded(value.number(), digits)));
  }
  if (method != "ceil" && method != "floor") {
    return invalid_input("the method must be 'common', 'ceil' or 'floor'");
  }
  double scale = std::pow(10.0, static_cast<double>(digits));
  double scaled = value.number() * scale;
  return Value((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale);
}

}  // namespace

const std::map<std::string_view, Filter>& number_filters() {
  static const std::map<std::string_view, Filter> known = {
      {"int", to_int},
      {"float", to_float},
      {"abs", absolute},
      {"round", round},
  };
  return known;
}

}  // namespace attune::text::jinja
