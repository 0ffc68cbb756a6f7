// The alphabet of byte-level tokenizers (GPT-2): each byte is written as one printable character,
// so that vocabularies are plain text. Bytes that are printable Latin-1 stand for themselves, the
// others become U+0100 onwards in order. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace attune::text {

// The character (UTF-8) of a byte.
std::string_view byte_level_char(uint8_t byte);

// The byte of a character, if it is one of the alphabet.
std::optional<uint8_t> byte_level_byte(uint32_t code_point);

std::string to_byte_level(std::string_view bytes);

// The bytes of byte-level text, or nothing when a character is not of the alphabet.
std::optional<std::string> from_byte_level(std::string_view text);

}  // namespace attune::text
