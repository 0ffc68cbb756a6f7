#include "text/charsmap.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstring>

#include "text/unicode.h"

namespace attune::text {
namespace {

constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581 stands for a space
constexpr size_t kGraphemeBytesMax = 5;
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// The parts of a unit of the trie (the layout of the darts-clone library).
bool has_leaf(uint32_t unit) { return (unit >> 8 & 1) != 0; }
uint32_t leaf_value(uint32_t unit) { return unit & 0x7FFFFFFFU; }
uint32_t label(uint32_t unit) { return unit & 0x800000FFU; }
uint32_t offset(uint32_t unit) { return (unit >> 10) << ((unit & 0x200U) >> 6); }

size_t grapheme_end(std::string_view text, size_t at) {
  utf8proc_int32_t state = 0;
  DecodedChar c = decode_char(text, at);
  size_t end = at + c.length;
  while (end < text.size()) {
    DecodedChar next = decode_char(text, end);
    if (utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(c.code_point),
                                         static_cast<utf8proc_int32_t>(next.code_point), &state)) {
      break;
    }
    c = next;
    end += next.length;
  }
  return end;
}

}  // namespace

Result<Charsmap> Charsmap::parse(std::string_view bytes) {
  uint32_t size = 0;
  if (bytes.size() < sizeof(size)) return invalid_input("the character map is too short");
  std::memcpy(&size, bytes.data(), sizeof(size));
  if (size % 4 != 0 || size < 4 || size > bytes.size() - sizeof(size)) {
    return invalid_input("the character map claims a table of {} bytes in {}", size, bytes.size());
  }
  Charsmap map;
  map.units_.resize(size / 4);
  std::memcpy(map.units_.data(), bytes.data() + sizeof(size), size);
  map.replacements_ = bytes.substr(sizeof(size) + size);
  map.replacements_.push_back('\0');
  if (valid_utf8_prefix(map.replacements_) != map.replacements_.size()) {
    return invalid_input("the character map's replacements are no UTF-8");
  }
  size_t longest = 1;
  for (size_t at = 0; at < map.replacements_.size();) {
    size_t end = map.replacements_.find('\0', at);
    longest = std::max(longest, end - at);
    at = end + 1;
  }
  map.growth_ = static_cast<double>(longest);
  return map;
}

std::optional<Charsmap::Match> Charsmap::search(std::string_view text, bool stop_at_first) const {
  std::optional<Match> found;
  uint32_t node = offset(units_[0]);
  for (uint32_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<uint8_t>(text[i]);
    if (byte == 0) break;
    node ^= byte;
    if (node >= units_.size() || label(units_[node]) != byte) break;
    uint32_t unit = units_[node];
    node ^= offset(unit);
    if (!has_leaf(unit)) continue;
    if (node >= units_.size()) break;
    uint32_t value = leaf_value(units_[node]);
    bool boundary = value < replacements_.size() &&
                    (static_cast<uint8_t>(replacements_[value]) & 0xC0) != 0x80;
    if (!boundary) continue;
    found = Match{i + 1, std::string_view(replacements_.c_str() + value)};
    if (stop_at_first) break;
  }
  return found;
}

std::optional<Charsmap::Match> Charsmap::longest(std::string_view text) const {
  auto match = search(text, false);
  bool whole = match && (match->length == text.size() ||
                         (static_cast<uint8_t>(text[match->length]) & 0xC0) != 0x80);
  return whole ? match : std::nullopt;
}

std::optional<Charsmap::Match> Charsmap::shortest(std::string_view text) const {
  return search(text, true);
}

void PrecompiledStep::apply(AlignedText& text) const {
  std::string_view old = text.text();
  Rewrite rewrite(text);
  for (size_t at = 0; at < old.size();) {
    size_t end = grapheme_end(old, at);
    auto whole = end - at <= kGraphemeBytesMax ? map_.shortest(old.substr(at, end - at))
                                               : std::nullopt;
    if (whole) {
      rewrite.replace(static_cast<uint32_t>(at), static_cast<uint32_t>(end), whole->replacement);
      at = end;
      continue;
    }
    while (at < end) {
      uint32_t length = decode_char(old, at).length;
      auto match = map_.shortest(old.substr(at, length));
      auto begin = static_cast<uint32_t>(at);
      if (match) {
        rewrite.replace(begin, begin + length, match->replacement);
      } else {
        rewrite.copy(begin, begin + length);
      }
      at += length;
    }
  }
  rewrite.finish();
}

// What stands at text[at] and what it is replaced by: a symbol, a match of the map, or a character.
Charsmap::Match SentencePieceStep::next(std::string_view text, uint32_t at) const {
  if (uint32_t length = symbols_.match_length(text, at)) return {length, text.substr(at, length)};
  auto match = map_ ? map_->longest(text.substr(at)) : std::nullopt;
  if (match) return *match;
  uint32_t length = decode_char(text, at).length;
  return {length, text.substr(at, length)};
}

void SentencePieceStep::apply(AlignedText& text) const {
  std::string_view old = text.text();
  Rewrite rewrite(text);
  std::string_view space = spaces_.escape ? kSpaceMark : " ";
  bool at_start = text.base() == 0;
  bool prefix = spaces_.add_prefix && (at_start || spaces_.prefix_every_part);
  bool after_space = spaces_.remove_extra && at_start;  // spaces that follow are dropped
  std::vector<Span> held;  // spaces that are written once text follows them
  if (prefix && !old.empty()) {
    if (spaces_.remove_extra) held.push_back({0, 0});
    else rewrite.replace(0, 0, space);
  }
  for (uint32_t at = 0; at < old.size();) {
    auto [length, with] = next(old, at);
    Span source{at, at + length};
    at += length;
    while (after_space && with.starts_with(' ')) with.remove_prefix(1);
    if (with.empty()) continue;
    for (size_t i = 0; i < with.size();) {
      std::string_view c = with.substr(i, decode_char(with, i).length);
      i += c.size();
      if (spaces_.remove_extra && (c == " " || c == space)) {
        held.push_back(source);
        continue;
      }
      for (Span one : held) rewrite.replace(one.begin, one.end, space);
      held.clear();
      rewrite.replace(source.begin, source.end, c == " " ? space : c);
    }
    after_space = spaces_.remove_extra && with.ends_with(' ');
  }
  rewrite.finish();  // spaces still held were at the end, and go
}

std::string to_base64(std::string_view bytes) {
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? static_cast<uint8_t>(bytes[i + j]) : 0U);
    }
    for (size_t j = 0; j < 4; ++j) {
      out.push_back(i + j <= bytes.size() ? kBase64[group >> (18 - 6 * j) & 63] : '=');
    }
  }
  return out;
}

Result<std::string> from_base64(std::string_view text) {
  std::string out;
  uint32_t group = 0;
  int bits = 0;
  while (text.ends_with('=')) text.remove_suffix(1);
  for (char c : text) {
    size_t value = kBase64.find(c);
    if (value == std::string_view::npos) return invalid_input("not base64");
    group = (group << 6 | static_cast<uint32_t>(value)) & 0xFFFFFF;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out.push_back(static_cast<char>(group >> bits & 0xFF));
  }
  return out;
}

}  // namespace attune::text
