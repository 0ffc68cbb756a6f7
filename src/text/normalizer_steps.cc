#include "text/normalizer_steps.h"

#include <algorithm>

#include "text/byte_level.h"
#include "text/unicode.h"
#include "text/unicode_exceptions.h"

namespace attune::text {
namespace {

// Rewrites character by character: `map` returns the replacement of a character, or nothing to
// keep.
template <typename Map>
void rewrite_chars(AlignedText& text, Map map) {
  std::string_view old = text.text();
  Rewrite rewrite(text);
  for (uint32_t at = 0; at < old.size();) {
    DecodedChar c = decode_char(old, at);
    std::optional<std::string> with = map(c.code_point);
    if (with) {
      rewrite.replace(at, at + c.length, *with);
    } else {
      rewrite.copy(at, at + c.length);
    }
    at += c.length;
  }
  rewrite.finish();
}

bool is_space(uint32_t code_point) { return (char_classes()[code_point] & kSpace) != 0; }

}  // namespace

void PrependStep::apply(AlignedText& text) const {
  if (text.text().empty()) return;
  Rewrite rewrite(text);
  rewrite.replace(0, 0, prefix_);
  rewrite.copy(0, static_cast<uint32_t>(text.text().size()));
  rewrite.finish();
}

void ReplaceStep::apply(AlignedText& text) const {
  std::vector<Span> matches;
  std::string_view old = text.text();
  if (const auto* regex = std::get_if<Regex>(&pattern_)) {
    regex->find_all(old, matches);
  } else {
    const auto& literal = std::get<std::string>(pattern_);
    for (size_t at = old.find(literal); at != std::string_view::npos;
         at = old.find(literal, at + literal.size())) {
      matches.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(at + literal.size())});
    }
  }
  if (matches.empty()) return;
  Rewrite rewrite(text);
  uint32_t done = 0;
  for (Span match : matches) {
    rewrite.copy(done, match.begin);
    rewrite.replace(match.begin, match.end, content_);
    done = match.end;
  }
  rewrite.copy(done, static_cast<uint32_t>(old.size()));
  rewrite.finish();
}

double ReplaceStep::growth() const {
  const auto* literal = std::get_if<std::string>(&pattern_);
  auto shortest_match = static_cast<double>(literal != nullptr ? literal->size() : 1);
  return std::max(1.0, static_cast<double>(content_.size()) / shortest_match);
}

void LowercaseStep::apply(AlignedText& text) const {
  rewrite_chars(text, [](uint32_t c) -> std::optional<std::string> {
    if (c == 0x130) return "i\xCC\x87";  // the one letter whose lower case is two characters
    uint32_t lower = reference_lower_case(c);
    if (lower == c) return std::nullopt;
    return to_utf8(lower);
  });
}

void StripStep::apply(AlignedText& text) const {
  std::string_view old = text.text();
  size_t begin = 0;
  size_t end = old.size();
  while (left_ && begin < end) {
    DecodedChar c = decode_char(old, begin);
    if (!is_space(c.code_point)) break;
    begin += c.length;
  }
  while (right_ && end > begin) {
    size_t previous = previous_char(old, end);
    if (!is_space(decode_char(old, previous).code_point)) break;
    end = previous;
  }
  if (begin == 0 && end == old.size()) return;
  Rewrite rewrite(text);
  rewrite.copy(static_cast<uint32_t>(begin), static_cast<uint32_t>(end));
  rewrite.finish();
}

void StripAccentsStep::apply(AlignedText& text) const {
  rewrite_chars(text, [](uint32_t c) -> std::optional<std::string> {
    bool mark = (char_classes()[c] & kMark) != 0 ? !unknown_to_forms(c)
                                                 : c >= 0x80 && is_other_mark(c);
    return mark ? std::optional<std::string>("") : std::nullopt;
  });
}

void ByteLevelNormalizer::apply(AlignedText& text) const {
  std::string_view old = text.text();
  Rewrite rewrite(text);
  for (uint32_t at = 0; at < old.size(); ++at) {
    rewrite.replace(at, at + 1, byte_level_char(static_cast<uint8_t>(old[at])));
  }
  rewrite.finish();
}

void NmtStep::apply(AlignedText& text) const {
  rewrite_chars(text, [](uint32_t c) -> std::optional<std::string> {
    bool control = (c >= 0x01 && c <= 0x08) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F ||
                   c == 0x8F || c == 0x9F;
    if (control) return "";
    bool space = c == 0x09 || c == 0x0A || c == 0x0C || c == 0x0D || c == 0x1680 ||
                 (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
                 c == 0xFEFF || c == 0xFFFD;
    if (space) return " ";
    return std::nullopt;
  });
}

}  // namespace attune::text
