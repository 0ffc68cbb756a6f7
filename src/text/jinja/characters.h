// Text as Python's str sees it: a row of code points, kept here as UTF-8. A byte that is no UTF-8
// counts as one character of its own, so that nothing here can fail. Upper and lower case are the
// one-to-one mappings of Unicode plus U+00DF; Python's other one-to-many mappings are left out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace attune::text::jinja {

struct Character {
  int32_t code;      // -1 for a byte that is no UTF-8
  size_t size_bytes; // at least 1
};

// The character at byte `at` (at < text.size()).
Character character_at(std::string_view text, size_t at);
// Appends a code point in 0..0x10FFFF as UTF-8.
void append_character(std::string& text, int32_t code);

size_t character_count(std::string_view text);
// Byte offset of every character, and text.size() as the last element.
std::vector<size_t> character_starts(std::string_view text);

bool is_space(int32_t code);      // str.isspace
bool is_printable(int32_t code);  // str.isprintable: repr shows it as it is
bool is_alpha(int32_t code);      // str.isalpha
bool is_digit(int32_t code);      // str.isdigit, less superscripts and the like
bool is_alnum(int32_t code);

// Bytes of white space at the start of `text`.
size_t leading_space(std::string_view text);
// `text` without the characters of `chars` (white space when null) at the asked sides.
std::string_view strip(std::string_view text, bool left, bool right,
                       const std::string_view* chars = nullptr);

std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
std::string to_capitalized(std::string_view text);  // first character upper, the rest lower
// Every run of letters starts upper (str.title); Jinja's filter splits at white space and -({[< .
std::string to_title(std::string_view text);
std::string to_title_words(std::string_view text);

// str.splitlines without line ends.
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends = false);

}  // namespace attune::text::jinja
