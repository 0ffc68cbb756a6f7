#include "text/split_patterns.h"

#include "text/unicode.h"

namespace attune::text {
namespace {

constexpr std::string_view kGpt2Regex =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlama3Regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2Regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

constexpr uint8_t kLetterNumberSpace = kLetter | kNumber | kSpace;

// A position in the text that knows the class of the character there.
class Cursor {
 public:
  Cursor(std::string_view text, size_t at) : text_(text), at_(at) {}

  bool end() const { return at_ >= text_.size(); }
  size_t at() const { return at_; }
  char byte() const { return text_[at_]; }
  bool newline() const { return !end() && (byte() == '\n' || byte() == '\r'); }
  uint8_t classes() const { return class_at(table_, text_, at_); }
  void advance() {
    auto first = static_cast<uint8_t>(text_[at_]);
    at_ += first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  }
  void skip_while(uint8_t wanted) {
    while (!end() && (classes() & wanted) != 0) advance();
  }
  void skip_until(uint8_t unwanted) {
    while (!end() && (classes() & unwanted) == 0) advance();
  }

 private:
  std::string_view text_;
  size_t at_;
  const uint8_t* table_ = char_classes();
};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// The length of an English contraction's tail at text[at] == '\'', or 0.
size_t contraction(std::string_view text, size_t at, bool ignore_case) {
  std::string_view rest = text.substr(at + 1);
  if (rest.empty()) return 0;
  auto letter = [&](size_t i) { return ignore_case ? lower(rest[i]) : rest[i]; };
  char first = letter(0);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  if (ignore_case && rest.starts_with("\xC5\xBF")) return 3;  // the long s folds to s
  if (rest.size() < 2) return 0;
  char second = letter(1);
  bool pair = (first == 'r' && second == 'e') || (first == 'v' && second == 'e') ||
              (first == 'l' && second == 'l');
  return pair ? 3 : 0;
}

// \s+(?!\S)|\s+ : the run of spaces, without its last one when text follows.
size_t space_run_end(std::string_view text, size_t at) {
  Cursor run(text, at);
  run.skip_while(kSpace);
  if (run.end()) return run.at();
  size_t last = previous_char(text, run.at());
  return last > at ? last : run.at();
}

size_t gpt2_end(std::string_view text, size_t at) {
  Cursor cursor(text, at);
  if (text[at] == '\'') {
    if (size_t length = contraction(text, at, false)) return at + length;
  }
  if (text[at] == ' ' && at + 1 < text.size()) cursor.advance();
  uint8_t classes = cursor.classes();
  if ((classes & kSpace) != 0) return space_run_end(text, at);
  if ((classes & kLetter) != 0) {
    cursor.skip_while(kLetter);
  } else if ((classes & kNumber) != 0) {
    cursor.skip_while(kNumber);
  } else {
    cursor.skip_until(kLetterNumberSpace);
  }
  return cursor.at();
}

size_t spaces_end(std::string_view text, size_t at) {
  Cursor run(text, at);
  size_t after_newline = at;
  while (!run.end() && (run.classes() & kSpace) != 0) {
    bool newline = run.newline();
    run.advance();
    if (newline) after_newline = run.at();
  }
  return after_newline > at ? after_newline : space_run_end(text, at);
}

size_t llama3_end(std::string_view text, size_t at, int digits_max) {
  if (text[at] == '\'') {
    if (size_t length = contraction(text, at, true)) return at + length;
  }
  Cursor cursor(text, at);
  uint8_t classes = cursor.classes();
  if ((classes & kLetter) != 0) {
    cursor.skip_while(kLetter);
    return cursor.at();
  }
  if ((classes & kNumber) != 0) {
    for (int i = 0; i < digits_max && !cursor.end() && (cursor.classes() & kNumber) != 0; ++i) {
      cursor.advance();
    }
    return cursor.at();
  }
  bool newline = cursor.newline();
  cursor.advance();
  uint8_t next = cursor.end() ? static_cast<uint8_t>(kSpace) : cursor.classes();
  if (!newline && (next & kLetter) != 0) {
    cursor.skip_while(kLetter);
    return cursor.at();
  }
  bool spaced_symbols = text[at] == ' ' && (next & kLetterNumberSpace) == 0;
  if ((classes & kSpace) != 0 && !spaced_symbols) return spaces_end(text, at);
  cursor.skip_until(kLetterNumberSpace);
  while (cursor.newline()) cursor.advance();
  return cursor.at();
}

}  // namespace

std::string_view regex_of(SplitPattern pattern) {
  switch (pattern) {
    case SplitPattern::kGpt2: return kGpt2Regex;
    case SplitPattern::kLlama3: return kLlama3Regex;
    case SplitPattern::kQwen2: return kQwen2Regex;
  }
  return {};
}

std::optional<SplitPattern> find_split_pattern(std::string_view regex) {
  for (auto pattern : {SplitPattern::kGpt2, SplitPattern::kLlama3, SplitPattern::kQwen2}) {
    if (regex == regex_of(pattern)) return pattern;
  }
  return std::nullopt;
}

size_t match_end(SplitPattern pattern, std::string_view text, size_t at) {
  switch (pattern) {
    case SplitPattern::kGpt2: return gpt2_end(text, at);
    case SplitPattern::kLlama3: return llama3_end(text, at, 3);
    case SplitPattern::kQwen2: return llama3_end(text, at, 1);
  }
  return text.size();
}

}  // namespace attune::text
