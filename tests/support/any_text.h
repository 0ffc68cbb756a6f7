// RapidCheck generators of text. Header only.
#pragma once

#include <rapidcheck.h>

#include <cstdint>
#include <string>
#include <vector>

#include "text/unicode.h"

namespace attune::testing {

// Any Unicode text, with a leaning to ASCII.
inline rc::Gen<std::string> any_text() {
  auto code_point = rc::gen::weightedOneOf<uint32_t>(
      {{6, rc::gen::inRange<uint32_t>(1, 0x80)},
       {2, rc::gen::inRange<uint32_t>(0x80, 0xD800)},
       {1, rc::gen::inRange<uint32_t>(0xE000, 0x110000)}});
  return rc::gen::map(rc::gen::container<std::vector<uint32_t>>(code_point),
                      [](const std::vector<uint32_t>& points) {
                        std::string text;
                        for (uint32_t point : points) text::append_utf8(text, point);
                        return text;
                      });
}

inline rc::Gen<std::string> any_bytes() {
  return rc::gen::container<std::string>(rc::gen::map(
      rc::gen::inRange(0, 256), [](int byte) { return static_cast<char>(byte); }));
}

}  // namespace attune::testing
