// UTF-8 and character classes. The classes are those of the `tokenizers` package (see
// make_unicode_classes.py), since the cuts of a pre-tokenizer must fall where its training put
// them. All functions are thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace attune::text {

enum CharClass : uint8_t {
  kLetter = 1,        // \p{L}
  kNumber = 2,        // \p{N}
  kSpace = 4,         // \s: the White_Space property
  kMark = 8,          // \p{M}
  kPunctuation = 16,  // \p{P}
  kNumeric = 32,      // what the Digits pre-tokenizer takes for a digit
  kSymbol = 64,       // what the Punctuation pre-tokenizer isolates
  kWord = 128,        // \w of the Whitespace pre-tokenizer and of single_word added tokens
};

// The classes of all code points below 0x110000, one byte each.
const uint8_t* char_classes();

struct DecodedChar {
  uint32_t code_point;
  uint32_t length;  // in bytes, 1 to 4
};

// The character at text[at]; `text` must be valid UTF-8 and `at` the start of a character.
inline DecodedChar decode_char(std::string_view text, size_t at) {
  auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(text[at + i])); };
  uint32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  if (first < 0xE0) return {(first & 0x1F) << 6 | (byte(1) & 0x3F), 2};
  if (first < 0xF0) return {(first & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
  return {(first & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F),
          4};
}

// The class of that character in `classes` (from char_classes()).
inline uint8_t class_at(const uint8_t* classes, std::string_view text, size_t at) {
  auto first = static_cast<uint8_t>(text[at]);
  return first < 0x80 ? classes[first] : classes[decode_char(text, at).code_point];
}

// The start of the character that ends at `end` (> 0) of valid UTF-8.
size_t previous_char(std::string_view text, size_t end);

void append_utf8(std::string& out, uint32_t code_point);
std::string to_utf8(uint32_t code_point);

inline constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// How many bytes at the start of `text` are one whole character (length > 0, valid), are ill-formed
// (valid false: replace `length` bytes by one U+FFFD), or need more bytes (length 0: the text ends
// within a character that may still become valid).
struct CharScan {
  uint32_t length;
  bool valid;
};
CharScan scan_char(std::string_view text);

// The length of the longest prefix that is valid UTF-8; text.size() when all is.
size_t valid_utf8_prefix(std::string_view text);

// The text with each maximal ill-formed sequence replaced by U+FFFD. With `origin`, also the byte
// of the input at which each byte of the result's character starts, and one entry for the end.
std::string replace_invalid(std::string_view text, std::vector<uint32_t>* origin = nullptr);

}  // namespace attune::text
