#include "server/api/schema_words.h"

#include <fmt/format.h>

#include <array>
#include <cctype>

namespace attune::api {
namespace {

// The lengths of the five groups of a UUID with hyphens.
constexpr std::array<size_t, 5> kGroups = {8, 4, 4, 4, 12};

bool is_hex(char c) {
  return std::isxdigit(static_cast<unsigned char>(c)) != 0;
}

// The bytes of the UTF-8 character that begins at `at`.
size_t character_bytes(std::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
  return end - at;
}

std::string wrong_id(std::string_view text) {
  std::vector<size_t> groups = {0};
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '-') {
      groups.push_back(0);
    } else if (is_hex(text[i])) {
      ++groups.back();
    } else {
      return fmt::format(
          "invalid character: expected an optional prefix of `urn:uuid:` followed by "
          "[0-9a-fA-F-], found `{}` at {}",
          text.substr(i, character_bytes(text, i)), i + 1);
    }
  }
  if (groups.size() == 1) {
    return fmt::format("invalid length: expected length 32 for simple format, found {}",
                       text.size());
  }
  if (groups.size() != kGroups.size()) {
    return fmt::format("invalid group count: expected 5, found {}", groups.size());
  }
  size_t group = 0;
  while (group + 1 < kGroups.size() && groups[group] == kGroups[group]) ++group;
  return fmt::format("invalid group length in group {}: expected {}, found {}", group,
                     kGroups[group], groups[group]);
}

}  // namespace

std::string why_no_id(std::string_view text) {
  return "Input should be a valid UUID, " + wrong_id(text);
}

std::string quoted_choice(const std::vector<std::string>& options) {
  std::string all;
  for (size_t i = 0; i < options.size(); ++i) {
    if (i > 0) all += i + 1 == options.size() ? " or " : ", ";
    all += fmt::format("'{}'", options[i]);
  }
  return all;
}

std::string tag_list(const std::vector<std::string>& tags, std::string_view enumeration) {
  std::string all;
  for (const std::string& tag : tags) {
    if (!all.empty()) all += ", ";
    all += enumeration.empty() ? fmt::format("'{}'", tag)
                               : fmt::format("<{}.{}: '{}'>", enumeration, tag, tag);
  }
  return all;
}

}  // namespace attune::api
