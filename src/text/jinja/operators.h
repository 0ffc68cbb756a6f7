// Python's operators on template values. Errors are kInvalidInput without a line; the rendering
// adds it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "text/jinja/value.h"

namespace attune::text::jinja {

// + - * / // % **; strings and lists where Python has them ("a" * 3, [1] + [2], "%s" % x).
Result<Value> arithmetic(Budget& budget, std::string_view op, const Value& a, const Value& b);
// == != < <= > >= in, not in
Result<bool> compare_with(Budget& budget, std::string_view op, const Value& a, const Value& b);
// item in container
Result<bool> contains(Budget& budget, const Value& container, const Value& item);

// container[key] and container[start:stop:step]; nothing when Python would raise a LookupError or
// TypeError, so that the template sees an undefined value.
Result<std::optional<Value>> element(Budget& budget, const Value& container, const Value& key);
Result<std::optional<Value>> slice(Budget& budget, const Value& container, const Value& start,
                                   const Value& stop, const Value& step);

// The methods that a template may take from a value: `text.strip`, `dict.items`.
bool has_method(const Value& value, std::string_view name);

// text % values, with %s %r %d %i %f %e %g %x %X %o %c %% and flags, width and precision.
Result<Value> percent_format(Budget& budget, const std::string& text, const Value& values);

}  // namespace attune::text::jinja
