#include <cmath>

#include "text/jinja/characters.h"
#include "text/jinja/operators.h"
#include "text/jinja/text_of.h"

namespace attune::text::jinja {
namespace {

constexpr int64_t kWidthMax = 10'000;

struct Spec {
  bool left = false, plus = false, space = false, zero = false, alternate = false;
  int64_t width = 0;
  int64_t precision = -1;
  std::string key;
  bool has_key = false;
  char conversion = 0;
};

class PercentFormat {
 public:
  PercentFormat(Budget& budget, const std::string& text, const Value& values)
      : budget_(budget), text_(text), values_(values), out_(budget) {}

  Result<Value> run() {
    while (at_ < text_.size() && !out_.full()) {
      size_t percent = text_.find('%', at_);
      out_.append(std::string_view(text_).substr(at_, percent - at_));
      if (percent == std::string::npos) break;
      at_ = percent + 1;
      Spec spec = TRY(read_spec());
      if (spec.conversion == '%') {
        out_.append("%");
      } else {
        Value value = TRY(next_value(spec));
        TRY(write(spec, value));
      }
    }
    bool tuple = values_.is(Kind::kSequence) && values_.sequence().shape == Shape::kTuple;
    size_t given = tuple ? values_.sequence().items.size() : 1;
    bool mapping = values_.is(Kind::kDict) || (values_.is(Kind::kSequence) && !tuple);
    if (used_ < given && !mapping) return invalid_input("not all values were used by the % format");
    return out_.finish();
  }

 private:
  Result<int64_t> read_number() {
    int64_t number = 0;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      number = number * 10 + (text_[at_++] - '0');
      if (number > kWidthMax) return unsupported("a % format is wider than {}", kWidthMax);
    }
    return number;
  }

  Result<Spec> read_spec() {
    Spec spec;
    if (at_ < text_.size() && text_[at_] == '(') {
      size_t close = text_.find(')', at_);
      if (close == std::string::npos) return invalid_input("a % format lacks a ')'");
      spec.key = text_.substr(at_ + 1, close - at_ - 1);
      spec.has_key = true;
      at_ = close + 1;
    }
    for (; at_ < text_.size(); ++at_) {
      char c = text_[at_];
      if (c == '-') spec.left = true;
      else if (c == '+') spec.plus = true;
      else if (c == ' ') spec.space = true;
      else if (c == '0') spec.zero = true;
      else if (c == '#') spec.alternate = true;
      else break;
    }
    spec.width = TRY(read_number());
    if (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      spec.precision = TRY(read_number());
    }
    if (at_ >= text_.size()) return invalid_input("a % format is not complete");
    spec.conversion = text_[at_++];
    return spec;
  }

  Result<Value> next_value(const Spec& spec) {
    if (spec.has_key) {
      if (!values_.is(Kind::kDict)) return invalid_input("%({}) needs a dict", spec.key);
      const Value* found = values_.dict().find(spec.key);
      if (found == nullptr) return invalid_input("the % format has no value '{}'", spec.key);
      return *found;
    }
    bool tuple = values_.is(Kind::kSequence) && values_.sequence().shape == Shape::kTuple;
    size_t given = tuple ? values_.sequence().items.size() : 1;
    if (used_ >= given) return invalid_input("the % format needs more values");
    ++used_;
    return tuple ? values_.sequence().items[used_ - 1] : values_;
  }

  void pad(const Spec& spec, std::string_view sign, std::string_view body, bool numeric) {
    int64_t size = static_cast<int64_t>(sign.size() + character_count(body));
    int64_t missing = std::max<int64_t>(spec.width - size, 0);
    bool zeros = spec.zero && numeric && !spec.left;
    if (!spec.left && !zeros) out_.append_times(" ", missing);
    out_.append(sign);
    if (zeros) out_.append_times("0", missing);
    out_.append(body);
    if (spec.left) out_.append_times(" ", missing);
  }

  std::string sign_of(const Spec& spec, bool negative) const {
    if (negative) return "-";
    return spec.plus ? "+" : spec.space ? " " : "";
  }

  Status write(const Spec& spec, const Value& value) {
    switch (spec.conversion) {
      case 's':
      case 'r':
      case 'a': return write_text(spec, value);
      case 'd':
      case 'i':
      case 'u':
      case 'x':
      case 'X':
      case 'o': return write_integer(spec, value);
      case 'f':
      case 'F':
      case 'e':
      case 'E':
      case 'g':
      case 'G': return write_float(spec, value);
      default: return unsupported("%{} is not supported; use %s, %d or %f", spec.conversion);
    }
  }

  Status write_text(const Spec& spec, const Value& value) {
    TextBuilder made(budget_);
    spec.conversion == 's' ? append_str(made, value) : append_repr(made, value);
    std::string text = TRY(made.finish_text());
    if (spec.precision >= 0) {
      std::vector<size_t> starts = character_starts(text);
      if (static_cast<size_t>(spec.precision) < starts.size()) {
        text.resize(starts[static_cast<size_t>(spec.precision)]);
      }
    }
    pad(spec, "", text, false);
    return {};
  }

  Status write_integer(const Spec& spec, const Value& value) {
    bool decimal = spec.conversion == 'd' || spec.conversion == 'i' || spec.conversion == 'u';
    if (!value.is_integral() && !(decimal && value.is(Kind::kFloat))) {
      return invalid_input("%{} needs a whole number, found a {}", spec.conversion,
                           type_name(value));
    }
    double real = value.number();
    if (!(real > -9.2e18 && real < 9.2e18)) return unsupported("the number is too large for %d");
    int64_t number = value.is_integral() ? value.integer() : static_cast<int64_t>(real);
    uint64_t size = number < 0 ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
    std::string digits = spec.conversion == 'x'   ? fmt::format("{:x}", size)
                         : spec.conversion == 'X' ? fmt::format("{:X}", size)
                         : spec.conversion == 'o' ? fmt::format("{:o}", size)
                                                  : fmt::format("{}", size);
    std::string sign = sign_of(spec, number < 0);
    if (spec.alternate && !decimal) sign += std::string("0") + spec.conversion;
    if (static_cast<int64_t>(digits.size()) < spec.precision) {
      digits.insert(0, static_cast<size_t>(spec.precision) - digits.size(), '0');
    }
    pad(spec, sign, digits, true);
    return {};
  }

  Status write_float(const Spec& spec, const Value& value) {
    if (!value.is_number()) {
      return invalid_input("%{} needs a number, found a {}", spec.conversion, type_name(value));
    }
    double size = std::fabs(value.number());
    int precision = static_cast<int>(spec.precision < 0 ? 6 : spec.precision);
    std::string body;
    switch (spec.conversion) {
      case 'e': body = fmt::format("{:.{}e}", size, precision); break;
      case 'E': body = fmt::format("{:.{}E}", size, precision); break;
      case 'g': body = fmt::format("{:.{}g}", size, std::max(precision, 1)); break;
      case 'G': body = fmt::format("{:.{}G}", size, std::max(precision, 1)); break;
      default: body = fmt::format("{:.{}f}", size, precision);
    }
    pad(spec, sign_of(spec, std::signbit(value.number())), body, std::isfinite(size));
    return {};
  }

  Budget& budget_;
  const std::string& text_;
  const Value& values_;
  TextBuilder out_;
  size_t at_ = 0;
  size_t used_ = 0;
};

}  // namespace

Result<Value> percent_format(Budget& budget, const std::string& text, const Value& values) {
  return PercentFormat(budget, text, values).run();
}

}  // namespace attune::text::jinja
