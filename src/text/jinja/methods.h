// The methods of Python's str, dict and list that change nothing.
#pragma once

#include "text/jinja/rendering.h"

namespace attune::text::jinja {

// Calls a method for which has_method(method.self, method.name) holds.
Result<Value> call_method(Budget& budget, const Method& method, const CallArguments& arguments);

// str.replace: `count` negative means all.
Result<Value> replace_text(Budget& budget, std::string_view text, std::string_view old,
                           std::string_view fresh, int64_t count);

// str.join over what `items` yields; `convert` allows anything, as the filter does.
Result<Value> join_texts(Budget& budget, const std::vector<Value>& items,
                         std::string_view separator, bool convert);

}  // namespace attune::text::jinja
