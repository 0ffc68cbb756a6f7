// Files that zstd made (RFC 8878), of one frame or several, as pzstd writes them.
#pragma once

#include <string_view>

#include "base/result.h"
#include "data/packed.h"

namespace attune::data {

// A frame, or one that is to be skipped (pzstd begins with these).
inline bool is_zstd(std::string_view bytes) {
  const bool skipped = bytes.size() >= 4 && (bytes[0] & 0xf0) == 0x50 &&
                       bytes.substr(1, 3) == "\x2a\x4d\x18";
  return skipped || bytes.starts_with("\x28\xb5\x2f\xfd");
}

// Hands on the whole content. kInvalidInput for bytes that are cut short, damaged or no frame, and
// for a window above 128 MiB (`zstd --long=28` and more); and what `on_bytes` returns.
Status unpack_zstd(std::string_view bytes, const OnBytes& on_bytes);

}  // namespace attune::data
