// Files that gzip made (RFC 1952), of one member or several, as pigz and bgzip write them.
#pragma once

#include <string_view>

#include "base/result.h"
#include "data/packed.h"

namespace attune::data {

inline bool is_gzip(std::string_view bytes) {
  return bytes.starts_with("\x1f\x8b");
}

// Hands on the whole content. kInvalidInput for bytes that are cut short, damaged (the check sum is
// wrong) or followed by anything else than members and padding zeros; and what `on_bytes` returns.
Status unpack_gzip(std::string_view bytes, const OnBytes& on_bytes);

}  // namespace attune::data
