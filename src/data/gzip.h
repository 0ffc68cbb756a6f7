// Files that gzip made (RFC 1952), of one member or several, as pigz and bgzip write them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace attune::data {

inline constexpr size_t kUnpackedBytesMax = size_t{8} << 30;

inline bool is_gzip(std::string_view bytes) {
  return bytes.starts_with("\x1f\x8b");
}

// The whole content. kInvalidInput for bytes that are cut short, damaged (the check sum is wrong)
// or followed by anything else than members and padding zeros, and for more than `limit_bytes`.
Result<std::string> unpack_gzip(std::string_view bytes, size_t limit_bytes = kUnpackedBytesMax);

}  // namespace attune::data
