#include "text/byte_level.h"

#include <array>

#include "text/unicode.h"

namespace attune::text {
namespace {

constexpr uint32_t kShiftedEnd = 0x144;  // 0x100 + the 68 bytes that are not printable

struct Alphabet {
  std::array<std::string, 256> chars;
  std::array<int16_t, kShiftedEnd> bytes;

  Alphabet() {
    bytes.fill(-1);
    uint32_t next = 0x100;
    for (uint32_t byte = 0; byte < 256; ++byte) {
      bool printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
      uint32_t code_point = printable ? byte : next++;
      chars[byte] = to_utf8(code_point);
      bytes[code_point] = static_cast<int16_t>(byte);
    }
  }
};

const Alphabet& alphabet() {
  static const Alphabet instance;
  return instance;
}

}  // namespace

std::string_view byte_level_char(uint8_t byte) { return alphabet().chars[byte]; }

std::optional<uint8_t> byte_level_byte(uint32_t code_point) {
  if (code_point >= kShiftedEnd || alphabet().bytes[code_point] < 0) return std::nullopt;
  return static_cast<uint8_t>(alphabet().bytes[code_point]);
}

std::string to_byte_level(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (char byte : bytes) out.append(byte_level_char(static_cast<uint8_t>(byte)));
  return out;
}

std::optional<std::string> from_byte_level(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    DecodedChar c = decode_char(text, at);
    auto byte = byte_level_byte(c.code_point);
    if (!byte) return std::nullopt;
    out.push_back(static_cast<char>(*byte));
    at += c.length;
  }
  return out;
}

}  // namespace attune::text
