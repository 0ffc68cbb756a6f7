#include "base/utf8.h"

#include <cstddef>

namespace attune {
namespace {

bool is_continuation(std::string_view text, size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80;
}

// Bytes of the character at `at`, 0 where there is none (Unicode 15, table 3-7).
size_t character_bytes(std::string_view text, size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4 || !is_continuation(text, at + 1)) return 0;
  if (lead < 0xe0) return 2;
  const auto second = static_cast<unsigned char>(text[at + 1]);
  if (!is_continuation(text, at + 2)) return 0;
  if (lead < 0xf0) {
    const bool overlong = lead == 0xe0 && second < 0xa0;
    const bool surrogate = lead == 0xed && second > 0x9f;
    return overlong || surrogate ? 0 : 3;
  }
  const bool outside = (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f);
  return outside || !is_continuation(text, at + 3) ? 0 : 4;
}

}  // namespace

bool is_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t size = character_bytes(text, at);
    if (size == 0) return false;
    at += size;
  }
  return true;
}

}  // namespace attune
