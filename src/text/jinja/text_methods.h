// The methods of Python's str.
#pragma once

#include <string_view>

#include "text/jinja/rendering.h"

namespace attune::text::jinja {

bool is_text_method(std::string_view name);

// `method.self` is a string, `method.name` one of those that is_text_method knows.
Result<Value> call_text_method(Budget& budget, const Method& method,
                               const CallArguments& arguments);

}  // namespace attune::text::jinja
