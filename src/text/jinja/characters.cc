#include "text/jinja/characters.h"

#include <utf8proc.h>

#include <algorithm>

namespace attune::text::jinja {
namespace {

const utf8proc_uint8_t* bytes(std::string_view text) {
  return reinterpret_cast<const utf8proc_uint8_t*>(text.data());
}

// Calls visit(character, bytes of it) for every character.
template <typename Visit>
void for_each_character(std::string_view text, Visit visit) {
  for (size_t at = 0; at < text.size();) {
    Character c = character_at(text, at);
    visit(c, text.substr(at, c.size_bytes));
    at += c.size_bytes;
  }
}

bool is_letter(int32_t code) {
  if (code < 0) return false;
  utf8proc_category_t category = utf8proc_category(code);
  return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL ||
         category == UTF8PROC_CATEGORY_LT;
}

void append_upper(std::string& out, Character c, std::string_view raw) {
  if (c.code < 0) {
    out += raw;
  } else if (c.code == 0xDF) {
    out += "SS";
  } else {
    append_character(out, utf8proc_toupper(c.code));
  }
}

void append_title(std::string& out, Character c, std::string_view raw) {
  if (c.code < 0) {
    out += raw;
  } else if (c.code == 0xDF) {
    out += "Ss";
  } else {
    append_character(out, utf8proc_totitle(c.code));
  }
}

void append_lower(std::string& out, Character c, std::string_view raw) {
  if (c.code < 0) {
    out += raw;
  } else {
    append_character(out, utf8proc_tolower(c.code));
  }
}

bool contains_character(std::string_view chars, std::string_view character) {
  for (size_t at = 0; at < chars.size();) {
    size_t size = character_at(chars, at).size_bytes;
    if (chars.substr(at, size) == character) return true;
    at += size;
  }
  return false;
}

// Start of the last character of a text that is not empty.
size_t last_start(std::string_view text) {
  for (size_t back = std::min<size_t>(4, text.size()); back > 1; --back) {
    size_t at = text.size() - back;
    if (character_at(text, at).size_bytes == back) return at;
  }
  return text.size() - 1;
}

bool is_line_end(int32_t code) {
  return (code >= 0x0A && code <= 0x0D) || (code >= 0x1C && code <= 0x1E) || code == 0x85 ||
         code == 0x2028 || code == 0x2029;
}

}  // namespace

Character character_at(std::string_view text, size_t at) {
  unsigned char first = static_cast<unsigned char>(text[at]);
  if (first < 0x80) return {first, 1};
  utf8proc_int32_t code = -1;
  utf8proc_ssize_t size =
      utf8proc_iterate(bytes(text) + at, static_cast<utf8proc_ssize_t>(text.size() - at), &code);
  if (size <= 0 || code < 0) return {-1, 1};
  return {code, static_cast<size_t>(size)};
}

void append_character(std::string& text, int32_t code) {
  utf8proc_uint8_t buffer[4];
  utf8proc_ssize_t size = utf8proc_encode_char(code, buffer);
  text.append(reinterpret_cast<const char*>(buffer), static_cast<size_t>(size));
}

size_t character_count(std::string_view text) {
  size_t count = 0;
  for (size_t at = 0; at < text.size(); ++count) at += character_at(text, at).size_bytes;
  return count;
}

std::vector<size_t> character_starts(std::string_view text) {
  std::vector<size_t> starts;
  starts.reserve(text.size() + 1);
  for (size_t at = 0; at < text.size(); at += character_at(text, at).size_bytes) {
    starts.push_back(at);
  }
  starts.push_back(text.size());
  return starts;
}

bool is_space(int32_t code) {
  return (code >= 0x09 && code <= 0x0D) || (code >= 0x1C && code <= 0x20) || code == 0x85 ||
         code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
         code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

bool is_printable(int32_t code) {
  if (code == ' ') return true;
  if (code < 0) return false;
  switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

bool is_alpha(int32_t code) {
  if (code < 0) return false;
  utf8proc_category_t category = utf8proc_category(code);
  return is_letter(code) || category == UTF8PROC_CATEGORY_LM || category == UTF8PROC_CATEGORY_LO;
}

bool is_digit(int32_t code) {
  return code >= 0 && utf8proc_category(code) == UTF8PROC_CATEGORY_ND;
}

bool is_alnum(int32_t code) {
  if (code < 0) return false;
  utf8proc_category_t category = utf8proc_category(code);
  return is_alpha(code) || category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL ||
         category == UTF8PROC_CATEGORY_NO;
}

size_t leading_space(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    Character c = character_at(text, at);
    if (!is_space(c.code)) break;
    at += c.size_bytes;
  }
  return at;
}

std::string_view strip(std::string_view text, bool left, bool right,
                       const std::string_view* chars) {
  auto goes = [chars](Character c, std::string_view raw) {
    return chars != nullptr ? contains_character(*chars, raw) : is_space(c.code);
  };
  while (left && !text.empty()) {
    Character c = character_at(text, 0);
    if (!goes(c, text.substr(0, c.size_bytes))) break;
    text.remove_prefix(c.size_bytes);
  }
  while (right && !text.empty()) {
    size_t start = last_start(text);
    if (!goes(character_at(text, start), text.substr(start))) break;
    text = text.substr(0, start);
  }
  return text;
}

std::string to_upper(std::string_view text) {
  std::string out;
  for_each_character(text, [&](Character c, std::string_view raw) { append_upper(out, c, raw); });
  return out;
}

std::string to_lower(std::string_view text) {
  std::string out;
  for_each_character(text, [&](Character c, std::string_view raw) { append_lower(out, c, raw); });
  return out;
}

std::string to_capitalized(std::string_view text) {
  std::string out;
  bool first = true;
  for_each_character(text, [&](Character c, std::string_view raw) {
    first ? append_title(out, c, raw) : append_lower(out, c, raw);
    first = false;
  });
  return out;
}

std::string to_title(std::string_view text) {
  std::string out;
  bool inside = false;
  for_each_character(text, [&](Character c, std::string_view raw) {
    inside ? append_lower(out, c, raw) : append_title(out, c, raw);
    inside = is_letter(c.code);
  });
  return out;
}

std::string to_title_words(std::string_view text) {
  std::string out;
  bool first = true;
  for_each_character(text, [&](Character c, std::string_view raw) {
    bool separator = is_space(c.code) || c.code == '-' || c.code == '(' || c.code == '{' ||
                     c.code == '[' || c.code == '<';
    first || separator ? append_upper(out, c, raw) : append_lower(out, c, raw);
    first = separator;
  });
  return out;
}

std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string_view> lines;
  size_t start = 0;
  for (size_t at = 0; at < text.size();) {
    Character c = character_at(text, at);
    size_t next = at + c.size_bytes;
    if (!is_line_end(c.code)) {
      at = next;
      continue;
    }
    if (c.code == '\r' && next < text.size() && text[next] == '\n') ++next;
    lines.push_back(text.substr(start, (keep_ends ? next : at) - start));
    start = at = next;
  }
  if (start < text.size()) lines.push_back(text.substr(start));
  return lines;
}

}  // namespace attune::text::jinja
