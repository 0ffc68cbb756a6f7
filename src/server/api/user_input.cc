#include "server/api/user_input.h"

#include <string_view>

namespace attune::api {
namespace {

// Whether UTF-8 is without controls (C0, DEL, C1; U+0000 is refused in every text), separators of
// lines and paragraphs (U+2028, U+2029) and what turns the direction of writing (U+202A to U+202E,
// U+2066 to U+2069).
bool shows_as_written(std::string_view text) {
  const auto byte = [&](size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
  };
  for (size_t at = 0; at < text.size(); ++at) {
    const unsigned first = byte(at), second = byte(at + 1), third = byte(at + 2);
    if ((first < 0x20 && first != 0) || first == 0x7F) return false;
    if (first == 0xC2 && second < 0xA0) return false;
    if (first == 0xE2 && second == 0x80 && third >= 0xA8 && third <= 0xAE) return false;
    if (first == 0xE2 && second == 0x81 && third >= 0xA6 && third <= 0xA9) return false;
  }
  return true;
}

void check_username(SchemaReader& body, std::string_view username) {
  if (shows_as_written(username)) return;
  body.mistake("value_error", "username",
               "Value error, a user name has no control characters and no line breaks");
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
