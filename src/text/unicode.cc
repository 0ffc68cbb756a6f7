#include "text/unicode.h"

#include <cstring>

namespace attune::text {
namespace {

struct ClassRun {
  uint32_t first;
  uint8_t classes;
};

constexpr ClassRun kRuns[] = {
#include "text/unicode_classes.inc"
};

constexpr size_t kCodePointEnd = 0x110000;

std::vector<uint8_t> spread_runs() {
  std::vector<uint8_t> table(kCodePointEnd, 0);
  size_t count = std::size(kRuns);
  for (size_t i = 0; i < count; ++i) {
    size_t end = i + 1 < count ? kRuns[i + 1].first : kCodePointEnd;
    if (kRuns[i].classes == 0) continue;
    std::memset(table.data() + kRuns[i].first, kRuns[i].classes, end - kRuns[i].first);
  }
  return table;
}

bool is_continuation(uint8_t byte) { return (byte & 0xC0) == 0x80; }

// The range of a valid second byte (Unicode 15, table 3-7), empty for bytes that start nothing.
struct SecondByte {
  uint8_t low, high;
  uint32_t length;
};
SecondByte second_byte(uint8_t first) {
  if (first >= 0xC2 && first <= 0xDF) return {0x80, 0xBF, 2};
  if (first == 0xE0) return {0xA0, 0xBF, 3};
  if (first == 0xED) return {0x80, 0x9F, 3};
  if (first >= 0xE1 && first <= 0xEF) return {0x80, 0xBF, 3};
  if (first == 0xF0) return {0x90, 0xBF, 4};
  if (first >= 0xF1 && first <= 0xF3) return {0x80, 0xBF, 4};
  if (first == 0xF4) return {0x80, 0x8F, 4};
  return {1, 0, 0};
}

}  // namespace

const uint8_t* char_classes() {
  static const std::vector<uint8_t> table = spread_runs();
  return table.data();
}

size_t previous_char(std::string_view text, size_t end) {
  size_t at = end - 1;
  while (at > 0 && is_continuation(static_cast<uint8_t>(text[at]))) --at;
  return at;
}

void append_utf8(std::string& out, uint32_t c) {
  auto push = [&](uint32_t byte) { out.push_back(static_cast<char>(static_cast<uint8_t>(byte))); };
  if (c < 0x80) {
    push(c);
  } else if (c < 0x800) {
    push(0xC0 | c >> 6);
    push(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    push(0xE0 | c >> 12);
    push(0x80 | (c >> 6 & 0x3F));
    push(0x80 | (c & 0x3F));
  } else {
    push(0xF0 | c >> 18);
    push(0x80 | (c >> 12 & 0x3F));
    push(0x80 | (c >> 6 & 0x3F));
    push(0x80 | (c & 0x3F));
  }
}

std::string to_utf8(uint32_t code_point) {
  std::string out;
  append_utf8(out, code_point);
  return out;
}

CharScan scan_char(std::string_view text) {
  if (text.empty()) return {0, true};
  auto first = static_cast<uint8_t>(text[0]);
  if (first < 0x80) return {1, true};
  SecondByte second = second_byte(first);
  if (second.length == 0) return {1, false};
  for (uint32_t i = 1; i < second.length; ++i) {
    if (i >= text.size()) return {0, true};
    auto byte = static_cast<uint8_t>(text[i]);
    bool fits = i == 1 ? byte >= second.low && byte <= second.high : is_continuation(byte);
    if (!fits) return {i, false};
  }
  return {second.length, true};
}

size_t valid_utf8_prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    uint64_t eight = 0;
    while (at + 8 <= text.size()) {
      std::memcpy(&eight, text.data() + at, 8);
      if ((eight & 0x8080808080808080ULL) != 0) break;
      at += 8;
    }
    if (at >= text.size()) break;
    CharScan scan = scan_char(text.substr(at));
    if (!scan.valid || scan.length == 0) return at;
    at += scan.length;
  }
  return text.size();
}

std::string replace_invalid(std::string_view text, std::vector<uint32_t>* origin) {
  std::string out;
  out.reserve(text.size() + 16);
  size_t at = 0;
  while (at < text.size()) {
    CharScan scan = scan_char(text.substr(at));
    size_t length = scan.length == 0 ? text.size() - at : scan.length;
    bool valid = scan.valid && scan.length > 0;
    out.append(valid ? text.substr(at, length) : kReplacement);
    if (origin != nullptr) origin->resize(out.size(), static_cast<uint32_t>(at));
    at += length;
  }
  if (origin != nullptr) origin->push_back(static_cast<uint32_t>(text.size()));
  return out;
}

}  // namespace attune::text
