#include "text/jinja/literal.h"

#include <cctype>
#include <charconv>

#include "text/jinja/characters.h"

namespace attune::text::jinja {
namespace {

bool is_digit_of(char c, int base) {
  if (base == 16) return std::isxdigit(static_cast<unsigned char>(c)) != 0;
  return c >= '0' && c < '0' + base;
}

// Bytes of digits of `base` at `from`, single underscores between (or before, after a prefix) them.
size_t digits(std::string_view text, size_t from, int base, bool leading_underscore) {
  size_t at = from;
  bool any = leading_underscore;
  while (at < text.size()) {
    if (is_digit_of(text[at], base)) {
      ++at;
    } else if (any && text[at] == '_' && at + 1 < text.size() && is_digit_of(text[at + 1], base)) {
      at += 2;
    } else {
      break;
    }
    any = true;
  }
  return at - from;
}

size_t exponent(std::string_view text, size_t from) {
  if (from >= text.size() || (text[from] != 'e' && text[from] != 'E')) return 0;
  size_t at = from + 1;
  if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
  size_t count = digits(text, at, 10, false);
  return count == 0 ? 0 : at + count - from;
}

size_t float_size(std::string_view text) {
  size_t at = digits(text, 0, 10, false);
  size_t fraction = 0;
  if (at < text.size() && text[at] == '.') fraction = digits(text, at + 1, 10, false);
  size_t end = fraction > 0 ? at + 1 + fraction : at;
  size_t power = exponent(text, end);
  return fraction > 0 || power > 0 ? end + power : 0;
}

size_t integer_size(std::string_view text) {
  if (text[0] != '0') return digits(text, 0, 10, false);
  if (text.size() > 1) {
    char mark = static_cast<char>(std::tolower(static_cast<unsigned char>(text[1])));
    int base = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
    size_t count = base > 0 ? digits(text, 2, base, true) : 0;
    if (count > 0) return count + 2;
  }
  size_t at = 1;
  while (at < text.size() && (text[at] == '0' || (text[at] == '_' && at + 1 < text.size() &&
                                                  text[at + 1] == '0'))) {
    ++at;
  }
  return at;
}

// Reads `count` hexadecimal digits after an escape letter.
Result<int32_t> hexadecimal(std::string_view text, size_t from, size_t count) {
  uint32_t code = 0;
  const char* begin = text.data() + from;
  if (from + count > text.size()) return invalid_input("a string ends inside an escape");
  auto [end, failure] = std::from_chars(begin, begin + count, code, 16);
  bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (failure != std::errc() || end != begin + count || code > 0x10FFFF || surrogate) {
    return invalid_input("the escape \\{} stands for no character",
                         text.substr(from - 1, count + 1));
  }
  return static_cast<int32_t>(code);
}

// One escape; `at` is at the letter after the backslash and moves behind the escape.
Status append_escape(std::string& out, std::string_view text, size_t& at) {
  static constexpr std::string_view kLetters = "\\'\"abfnrtv";
  static constexpr std::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";
  char c = text[at];
  if (size_t found = kLetters.find(c); found != std::string_view::npos) {
    out += kMeanings[found];
    ++at;
  } else if (c == '\n') {
    ++at;
  } else if (c == 'x' || c == 'u' || c == 'U') {
    size_t count = c == 'x' ? 2 : c == 'u' ? 4 : 8;
    append_character(out, TRY(hexadecimal(text, at + 1, count)));
    at += 1 + count;
  } else if (c >= '0' && c <= '7') {
    int32_t code = 0;
    for (int i = 0; i < 3 && at < text.size() && text[at] >= '0' && text[at] <= '7'; ++i, ++at) {
      code = code * 8 + (text[at] - '0');
    }
    append_character(out, code);
  } else if (c == 'N') {
    return invalid_input("\\N{{...}} in a string is not supported; write the character itself");
  } else {
    out += '\\';
  }
  return {};
}

}  // namespace

NumberText number_text(std::string_view text, bool may_be_float) {
  NumberText found;
  size_t as_float = may_be_float ? float_size(text) : 0;
  found.is_float = as_float > 0;
  found.size = found.is_float ? as_float : integer_size(text);
  for (char c : text.substr(0, found.size)) {
    if (c != '_') found.text += c;
  }
  return found;
}

Result<std::string> unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    if (text[at] != '\\') {
      out += text[at++];
      continue;
    }
    if (++at >= text.size()) return invalid_input("a string ends inside an escape");
    TRY(append_escape(out, text, at));
  }
  return out;
}

}  // namespace attune::text::jinja
