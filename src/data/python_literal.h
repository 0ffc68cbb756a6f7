// Python's way of writing a dict of plain values ({'url': None, "n": 1}), as published files hold
// where somebody stored str(dict): read as the JSON that it stands for.
#pragma once

#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace attune::data {

// Dicts with text keys, lists, tuples (as lists), strings in either quote with escapes, numbers,
// True, False, None. Errors name the byte. Nesting as deep as kJsonDepthMax.
Result<OrderedJson> parse_python_literal(std::string_view text);

}  // namespace attune::data
