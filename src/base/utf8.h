// Whether bytes are UTF-8 as Unicode defines it: no overlong forms, no surrogates, at most
// U+10FFFF.
#pragma once

#include <string_view>

namespace attune {

bool is_utf8(std::string_view text);

}  // namespace attune
