// Mixed text for tokenizer goldens: words, code, numbers, many scripts, emoji, control characters.
// The same generator stands in tests/golden/text/mixed_text.py, so that goldens hold hashes and no
// text. Header only.
#pragma once

#include <fmt/format.h>

#include <cctype>
#include <cstdint>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/unicode.h"

namespace attune::testing {

inline constexpr const char* kMixedWords =
    "the of and to in is that for it was on are as with his they at be this have from or one "
    "had by word but not what all were we when your can said there use an each which she do "
    "how their if will up other about out many then them these so some her would make like "
    "him into time has look two more write go see number no way could people my than first "
    "water been call who oil its now find long down day did get come made may part ";
inline constexpr std::pair<uint32_t, uint32_t> kMixedRanges[] = {
    {0x20, 0x7F}, {0xA0, 0x180}, {0x300, 0x370}, {0x370, 0x400}, {0x400, 0x500}, {0x5D0,
    0x5EB}, {0x600, 0x6FF}, {0x900, 0x980}, {0xE00, 0xE60}, {0x1100, 0x1200}, {0x1E00,
    0x2000}, {0x2000, 0x2070}, {0x20A0, 0x20C0}, {0x2100, 0x2200}, {0x2200, 0x2300},
    {0x2460, 0x2500}, {0x2580, 0x2600}, {0x3000, 0x3100}, {0x3130, 0x3190}, {0x4E00,
    0x9FFF}, {0xAC00, 0xD7A4}, {0xFB00, 0xFB50}, {0xFF00, 0xFFEF}, {0x1D400, 0x1D800},
    {0x1F300, 0x1F650}, {0x1F900, 0x1FA00}, {0x1, 0x20}, {0xE000, 0xE010}, {0x10FFEB,
    0x10FFFF}};
inline constexpr const char* kMixedSpaces[] = {
    " ", " ", " ", " ", "  ", "    ", "\n", "\n\n", "\t", "\r\n", " \n", "\343\200\200",
    "\302\240"};
inline constexpr const char* kMixedGlue[] = {
    "'s", "'t", "'re", "'LL", "'\305\277", "...", "!\?", "--", "==", "->", "::", "()", "{}",
    "[0]", "<|im_start|>", "<|endoftext|>", "<s>", "</s>", "://", "100", "3.14", "2024",
    "0x1F", "\331\243\331\244", "\302\275", "\360\237\207\253\360\237\207\267",
    "\360\237\221\251\342\200\215\360\237\221\247", "e\314\201", "\342\200\215",
    "\357\273\277", "\342\226\201", "\304\240", "<0x41>"};

// At least `size` bytes of UTF-8; the same seed gives the same text.
inline std::string mixed_text(size_t size, uint64_t seed) {
  static const std::vector<std::string> words = [] {
    std::vector<std::string> list;
    std::istringstream stream(kMixedWords);
    for (std::string word; stream >> word;) list.push_back(word);
    return list;
  }();
  uint64_t state = seed;
  auto draw = [&](size_t bound) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<size_t>((state >> 33) % bound);
  };
  std::string out;
  while (out.size() < size) {
    size_t kind = draw(16);
    if (kind < 9) {
      std::string word = words[draw(words.size())];
      if (kind == 8) word[0] = static_cast<char>(std::toupper(word[0]));
      out += word;
    } else if (kind == 9) {
      out += kMixedGlue[draw(std::size(kMixedGlue))];
    } else if (kind == 10) {
      out += std::to_string(draw(100000));
    } else if (kind == 11) {
      for (size_t count = draw(8); count > 0; --count) {
        out.push_back(static_cast<char>(33 + draw(94)));
      }
    } else {
      auto [first, end] = kMixedRanges[draw(std::size(kMixedRanges))];
      for (size_t count = 1 + draw(8); count > 0; --count) {
        text::append_utf8(out, first + static_cast<uint32_t>(draw(end - first)));
      }
    }
    if (draw(8) != 0) out += kMixedSpaces[draw(std::size(kMixedSpaces))];
  }
  return out;
}

inline constexpr size_t kMixedChunkBytes = 4096;

// FNV-1a, folded to 32 bits, as 8 hex digits.
inline std::string bytes_hash(std::string_view bytes) {
  uint64_t value = 0xCBF29CE484222325ULL;
  for (char byte : bytes) value = (value ^ static_cast<uint8_t>(byte)) * 0x100000001B3ULL;
  return fmt::format("{:08x}", static_cast<uint32_t>(value >> 32) ^ static_cast<uint32_t>(value));
}

// The same over the ids as 32-bit little-endian numbers.
inline std::string ids_hash(std::span<const int32_t> ids) {
  std::string bytes;
  for (int32_t id : ids) {
    for (int shift = 0; shift < 32; shift += 8) {
      bytes.push_back(static_cast<char>(static_cast<uint32_t>(id) >> shift & 255U));
    }
  }
  return bytes_hash(bytes);
}

}  // namespace attune::testing
