// What the server says of itself.
#pragma once

#include <string_view>

#include "base/json.h"

namespace attune::api {

// The versions of the contract that are spoken here, which its clients compare with their own; the
// program's own version is beside them as "attune".
inline constexpr std::string_view kContractVersion = "2.8.0";
inline constexpr std::string_view kContractVersionV0 = "1.29.1";

// {"resident_bytes": N}
OrderedJson memory_json();

}  // namespace attune::api
