#include "server/api/accounts/user_input.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "base/utf8.h"
#include "text/unicode.h"

namespace attune::api {
namespace {

struct Range {
  char32_t first, last;

  bool has(char32_t character) const { return first <= character && character <= last; }
};

// What a reader of a name would not see or would see elsewhere, so that two names could look alike:
// controls (C0, DEL, C1), the soft hyphen, marks of the direction of writing, separators of lines
// and paragraphs, blanks and joiners without width. Not ZWNJ and ZWJ (U+200C, U+200D), with which
// some scripts are spelt and emoji are joined.
constexpr Range kRefused[] = {{0x01, 0x1F},     {0x7F, 0x9F},     {0xAD, 0xAD},
                              {0x61C, 0x61C},   {0x200B, 0x200B}, {0x200E, 0x200F},
                              {0x2028, 0x202E}, {0x2060, 0x2060}, {0x2066, 0x2069},
                              {0xFEFF, 0xFEFF}};

// Beside others these are part of a name; alone they are none: blanks, ZWNJ and ZWJ, fillers of
// Hangul, the Braille pattern without dots, selectors of variants.
constexpr Range kUnseen[] = {{0x20, 0x20},     {0xA0, 0xA0},     {0x115F, 0x1160},
                             {0x1680, 0x1680}, {0x2000, 0x200A}, {0x200C, 0x200D},
                             {0x202F, 0x202F}, {0x205F, 0x205F}, {0x2800, 0x2800},
                             {0x3000, 0x3000}, {0x3164, 0x3164}, {0xFE00, 0xFE0F},
                             {0xFFA0, 0xFFA0}};

bool is_one_of(std::span<const Range> ranges, char32_t character) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [character](const Range& range) { return range.has(character); });
}

// Of a text that is not empty and without U+0000, which are mistakes of their own.
bool shows_as_written(std::string_view username) {
  if (username.empty()) return true;
  if (!is_utf8(username)) return false;
  bool seen = false;
  for (size_t at = 0; at < username.size();) {
    const text::DecodedChar one = text::decode_char(username, at);
    if (is_one_of(kRefused, one.code_point)) return false;
    seen = seen || !is_one_of(kUnseen, one.code_point);
    at += one.length;
  }
  return seen;
}

void check_username(SchemaReader& body, std::string_view username) {
  if (shows_as_written(username)) return;
  body.mistake("value_error", "username",
               "Value error, a user name has no control characters, line breaks or characters "
               "that are not seen, and is not blank");
}

TextRule any_username(bool strip) {
  return {.min = 1, .max = kUsernameMax, .strip = strip};
}

}  // namespace

std::string read_username(SchemaReader& body, bool strip) {
  std::string username = body.text("username", any_username(strip));
  check_username(body, username);
  return username;
}

std::optional<std::string> read_username_or_null(SchemaReader& body) {
  auto username = body.text_or_null("username", any_username(false));
  if (username) check_username(body, *username);
  return username;
}

std::optional<domain::Role> read_role(SchemaReader& body) {
  const auto role = body.choice_or_null("role", {"owner", "admin", "annotator"});
  const auto own = body.choice_or_null("attune_role", {"owner", "admin", "reviewer", "annotator"});
  if (own) return domain::role_of(*own);
  if (role) return domain::role_of(*role);
  return std::nullopt;
}

TextRule password_rule() {
  return {.min = kPasswordMin, .max = kPasswordMax};
}

TextRule person_name_rule() {
  return {.min = 1, .strip = true};
}

}  // namespace attune::api
