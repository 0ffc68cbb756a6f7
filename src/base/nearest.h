// "Did you mean": the known name closest to a mistyped one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace attune {

// The candidate with the smallest edit distance (insert, delete, replace, swap of neighbours), or
// "" when none is within a third of the name's length (at least 2).
std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace attune
