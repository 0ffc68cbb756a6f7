// Reading the arguments of filters, tests, methods and functions.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/rendering.h"

namespace attune::text::jinja {

using Bound = std::vector<std::optional<Value>>;

// Arguments in the order of `names`, given by position or by name; the first `required` must be
// there. kInvalidInput says which one of `what` is missing, unknown or too many.
Result<Bound> bind(std::string_view what, const CallArguments& arguments,
                   std::initializer_list<std::string_view> names, size_t required = 0);

// The fallback when absent; kInvalidInput for another type.
Result<int64_t> int_or(const std::optional<Value>& value, int64_t fallback);
Result<std::string> text_or(const std::optional<Value>& value, const std::string& fallback);
bool truth_or(const std::optional<Value>& value, bool fallback);

// Text of a string; kInvalidInput for anything else.
Result<std::string_view> text_argument(const Value& value);

}  // namespace attune::text::jinja
