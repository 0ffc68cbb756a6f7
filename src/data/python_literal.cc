#include "data/python_literal.h"

#include <algorithm>
#include <charconv>

#include "text/unicode.h"

namespace attune::data {
namespace {

// Whether all of the text is that number.
template <typename Number, typename... Base>
bool is_all(std::string_view text, Number& number, Base... base) {
  const char* last = text.data() + text.size();
  const auto [end, failure] = std::from_chars(text.data(), last, number, base...);
  return !text.empty() && end == last && failure == std::errc();
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Result<OrderedJson> read_all() {
    OrderedJson value = TRY(read_value(0));
    skip_blanks();
    if (at_ != text_.size()) return mistake("something follows the value");
    return value;
  }

 private:
  Error mistake(const char* what) const { return invalid_input("byte {}: {}", at_, what); }

  void skip_blanks() {
    at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size());
  }

  bool take(std::string_view word) {
    skip_blanks();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  Result<OrderedJson> read_value(int depth) {
    if (depth > kJsonDepthMax) return mistake("nested too deeply");
    if (take("None")) return OrderedJson();
    if (take("True")) return OrderedJson(true);
    if (take("False")) return OrderedJson(false);
    if (take("{")) return read_dict(depth);
    if (take("[")) return read_list("]", depth);
    if (take("(")) return read_list(")", depth);
    if (at_ < text_.size() && (text_[at_] == '\'' || text_[at_] == '"')) {
      return OrderedJson(TRY(read_string()));
    }
    return read_number();
  }

  Result<OrderedJson> read_dict(int depth) {
    OrderedJson dict = OrderedJson::object();
    while (!take("}")) {
      if (!dict.empty() && !take(",")) return mistake("a comma or } is missing");
      if (!dict.empty() && take("}")) break;  // the comma was the last thing
      skip_blanks();
      const std::string key = TRY(read_string());
      if (!take(":")) return mistake("a colon is missing");
      dict[key] = TRY(read_value(depth + 1));
    }
    return dict;
  }

  Result<OrderedJson> read_list(std::string_view end, int depth) {
    OrderedJson list = OrderedJson::array();
    while (!take(end)) {
      if (!list.empty() && !take(",")) return mistake("a comma or the end of a list is missing");
      if (!list.empty() && take(end)) break;
      list.push_back(TRY(read_value(depth + 1)));
    }
    return list;
  }

  Result<OrderedJson> read_number() {
    const size_t end = std::min(text_.find_first_not_of("+-0123456789.eE", at_), text_.size());
    const std::string_view digits = text_.substr(at_, end - at_);
    int64_t whole = 0;
    double number = 0;
    const bool is_whole = is_all(digits, whole);
    const bool is_number = is_whole || is_all(digits, number);
    if (!is_number) return mistake("no value");
    at_ = end;
    return is_whole ? OrderedJson(whole) : OrderedJson(number);
  }

  Result<std::string> read_string() {
    if (at_ >= text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) {
      return mistake("a text in quotes is missing");
    }
    const char quote = text_[at_++];
    std::string value;
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '\\') {
        TRY(read_escape(value));
      } else {
        value += text_[at_++];
      }
    }
    if (at_ >= text_.size()) return mistake("a quote is opened and never closed");
    ++at_;
    return value;
  }

  Status read_escape(std::string& value) {
    static constexpr std::string_view kLetters = "nrtabfv0\\'\"";
    static constexpr std::string_view kMeant("\n\r\t\a\b\f\v\0\\'\"", 11);
    const char letter = ++at_ < text_.size() ? text_[at_++] : ' ';
    const size_t known = kLetters.find(letter);
    if (known != std::string_view::npos) {
      value += kMeant[known];
      return {};
    }
    const size_t digits = letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
    uint32_t point = 0;
    const bool is_point = digits > 0 && at_ + digits <= text_.size() &&
                          is_all(text_.substr(at_, digits), point, 16) && point <= 0x10ffff &&
                          (point < 0xd800 || point > 0xdfff);
    if (!is_point) return mistake("an escape that Python's texts do not have");
    at_ += digits;
    text::append_utf8(value, point);
    return {};
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Result<OrderedJson> parse_python_literal(std::string_view text) {
  return Reader(text).read_all();
}

}  // namespace attune::data
