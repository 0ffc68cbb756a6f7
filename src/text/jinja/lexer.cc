#include "text/jinja/lexer.h"

#include <array>
#include <cctype>
#include <optional>

#include "text/jinja/budget.h"
#include "text/jinja/characters.h"
#include "text/jinja/literal.h"

namespace attune::text::jinja {
namespace {

constexpr size_t kNone = std::string::npos;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) || c == '_' || static_cast<signed char>(c) < 0;
}
bool is_name_part(char c) { return is_name_start(c) || is_digit(c); }

std::string with_plain_newlines(std::string_view source) {
  std::string text;
  text.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      text += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      text += source[i];
    }
  }
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

class Lexer {
 public:
  explicit Lexer(std::string source) : source_(std::move(source)) {}

  Result<std::vector<Token>> run() {
    while (at_ < source_.size()) TRY(text_and_tag());
    emit(TokenKind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  std::string_view rest(size_t from) const { return std::string_view(source_).substr(from); }
  bool starts(size_t from, std::string_view what) const { return rest(from).starts_with(what); }

  void emit(TokenKind kind, std::string text) { tokens_.push_back({kind, std::move(text), line_}); }

  // Moves to `end`, counting lines; remembers whether the piece ended one.
  void advance(size_t end) {
    for (; at_ < end; ++at_) line_ += source_[at_] == '\n';
    line_starting_ = end > 0 && source_[end - 1] == '\n';
  }

  size_t skip_space(size_t from) const { return from + leading_space(rest(from)); }

  // The end of a closing tag at `from` (`-%}` and the space after it, `+%}`, `%}` and one newline),
  // or kNone. `trim_newline` is off for print tags and the opening raw tag.
  size_t tag_end(size_t from, std::string_view close, bool plus, bool trim_newline) const {
    if (from < source_.size() && source_[from] == '-' && starts(from + 1, close)) {
      return skip_space(from + 1 + close.size());
    }
    if (plus && from < source_.size() && source_[from] == '+' && starts(from + 1, close)) {
      return from + 1 + close.size();
    }
    if (!starts(from, close)) return kNone;
    size_t end = from + close.size();
    return trim_newline && end < source_.size() && source_[end] == '\n' ? end + 1 : end;
  }

  // The text before a tag, less what the tag's sign and lstrip_blocks take.
  std::string_view text_before(size_t from, size_t tag, char sign, bool is_print) const {
    std::string_view text = rest(from).substr(0, tag - from);
    if (sign == '-') return strip(text, false, true);
    if (sign == '+' || is_print) return text;
    size_t newline = text.rfind('\n');
    size_t line_start = newline == kNone ? 0 : newline + 1;
    if (line_start == 0 && !line_starting_) return text;
    std::string_view blanks = text.substr(line_start);
    return leading_space(blanks) == blanks.size() ? text.substr(0, line_start) : text;
  }

  void emit_text(std::string_view text) {
    if (!text.empty()) emit(TokenKind::kText, std::string(text));
  }

  size_t find_tag() const {
    for (size_t at = source_.find('{', at_); at != kNone; at = source_.find('{', at + 1)) {
      char next = at + 1 < source_.size() ? source_[at + 1] : '\0';
      if (next == '{' || next == '%' || next == '#') return at;
    }
    return kNone;
  }

  // A word in a tag that holds nothing else: `{% raw %}`, `{%- endraw -%}`. The end of the tag.
  size_t word_tag(size_t tag, std::string_view word, bool plus, bool trim_newline) const {
    if (!starts(tag, "{%")) return kNone;
    size_t at = tag + 2;
    if (at < source_.size() && (source_[at] == '-' || source_[at] == '+')) ++at;
    at = skip_space(at);
    if (!starts(at, word)) return kNone;
    return tag_end(skip_space(at + word.size()), "%}", plus, trim_newline);
  }

  char sign_at(size_t at) const {
    char sign = at < source_.size() ? source_[at] : '\0';
    return sign == '-' || sign == '+' ? sign : '\0';
  }

  Status text_and_tag() {
    size_t tag = find_tag();
    if (tag == kNone) {
      emit_text(rest(at_));
      advance(source_.size());
      return {};
    }
    char sign = sign_at(tag + 2);
    bool is_print = source_[tag + 1] == '{';
    emit_text(text_before(at_, tag, sign, is_print));
    size_t raw_end = word_tag(tag, "raw", false, false);
    if (raw_end != kNone) return raw(raw_end);
    advance(tag + 2 + (sign != '\0' ? 1 : 0));
    if (source_[tag + 1] == '#') return comment();
    return is_print ? inside(TokenKind::kPrintBegin) : inside(TokenKind::kBlockBegin);
  }

  Status raw(size_t start) {
    advance(start);
    for (size_t at = source_.find("{%", at_); at != kNone; at = source_.find("{%", at + 1)) {
      size_t end = word_tag(at, "endraw", true, true);
      if (end == kNone) continue;
      emit_text(text_before(at_, at, sign_at(at + 2), false));
      advance(end);
      return {};
    }
    return error("{% raw %} is never closed; add {% endraw %}");
  }

  Status comment() {
    for (size_t at = at_; at < source_.size(); ++at) {
      size_t end = tag_end(at, "#}", true, true);
      if (end == kNone) continue;
      advance(end);
      return {};
    }
    return error("a comment is never closed; add #}");
  }

  Status inside(TokenKind begin) {
    bool is_print = begin == TokenKind::kPrintBegin;
    emit(begin, "");
    std::string open;  // brackets that wait for their partner
    while (at_ < source_.size()) {
      size_t end = kNone;
      if (open.empty()) end = tag_end(at_, is_print ? "}}" : "%}", !is_print, !is_print);
      if (end != kNone) {
        emit(is_print ? TokenKind::kPrintEnd : TokenKind::kBlockEnd, "");
        advance(end);
        return {};
      }
      size_t space = skip_space(at_);
      if (space > at_) {
        advance(space);
      } else {
        TRY(token(open));
      }
    }
    return error("a tag is never closed; add " + std::string(is_print ? "}}" : "%}"));
  }

  Status token(std::string& open) {
    char c = source_[at_];
    if (is_digit(c)) return number();
    if (is_name_start(c)) {
      size_t end = at_;
      while (end < source_.size() && is_name_part(source_[end])) ++end;
      emit(TokenKind::kName, source_.substr(at_, end - at_));
      advance(end);
      return {};
    }
    if (c == '"' || c == '\'') return quoted(c);
    return operation(open);
  }

  Status number() {
    bool after_dot = at_ > 0 && source_[at_ - 1] == '.';
    NumberText found = number_text(rest(at_), !after_dot);
    emit(found.is_float ? TokenKind::kFloat : TokenKind::kInteger, std::move(found.text));
    advance(at_ + found.size);
    return {};
  }

  Status quoted(char quote) {
    size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) {
      return error(fmt::format("a string that starts with {} has no end", quote));
    }
    auto text = unescape(std::string_view(source_).substr(at_ + 1, end - at_ - 1));
    if (!text.ok()) return error(text.error().message());
    emit(TokenKind::kString, std::move(*text));
    advance(end + 1);
    return {};
  }

  Status operation(std::string& open) {
    static constexpr std::array<std::string_view, 27> kOperators = {
        "==", "!=", ">=", "<=", "//", "**", "+", "-", "/", "*", "%", "~", "[", "]",
        "(",  ")",  "{",  "}",  ">",  "<",  "=", ".", ":", "|", ",", ";", ""};
    for (std::string_view op : kOperators) {
      if (op.empty() || !starts(at_, op)) continue;
      TRY(balance(op[0], open));
      emit(TokenKind::kOperator, std::string(op));
      advance(at_ + op.size());
      return {};
    }
    std::string_view character = rest(at_).substr(0, character_at(source_, at_).size_bytes);
    return error(fmt::format("the character '{}' has no meaning in a tag", character));
  }

  Status balance(char c, std::string& open) const {
    if (c == '(') open += ')';
    if (c == '[') open += ']';
    if (c == '{') open += '}';
    if (c != ')' && c != ']' && c != '}') return {};
    if (open.empty()) return error(fmt::format("unexpected '{}'", c));
    if (open.back() != c) {
      return error(fmt::format("unexpected '{}', expected '{}'", c, open.back()));
    }
    open.pop_back();
    return {};
  }

  Error error(const std::string& text) const {
    return invalid_input("template line {}: {}", line_, text);
  }

  std::string source_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> tokenize(std::string_view source) {
  if (source.size() > kSourceBytesMax) {
    return invalid_input("the template has {} bytes; at most {} are read", source.size(),
                         kSourceBytesMax);
  }
  return Lexer(with_plain_newlines(source)).run();
}

}  // namespace attune::text::jinja
