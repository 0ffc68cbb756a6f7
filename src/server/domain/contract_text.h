// Values as the contract's error texts quote them. The texts come from a Python server (its repr)
// and are matched by scripts and tests: strings stand in single quotes, null is None.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace attune::domain {

// 'a', ['a', 'b'], [1, None], True, 0.5, {'k': 1}
std::string repr(const OrderedJson& value);
std::string repr(std::string_view text);
inline std::string repr(const std::string& text) {
  return repr(std::string_view(text));
}
std::string repr(const std::vector<std::string>& texts);

// The same, but for a string at the top, which is bare: what f"{value}" shows.
std::string shown(const OrderedJson& value);

// "<class 'str'>"
std::string class_of(const OrderedJson& value);

// Unicode characters of a UTF-8 text: what lengths and offsets count. JSON's parser has checked it.
size_t characters(std::string_view text);

}  // namespace attune::domain
