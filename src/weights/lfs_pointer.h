// The small text that Git leaves in place of a large file when Git LFS is not installed.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"

namespace attune::weights {

// An error that says what to do when the bytes are such a pointer.
inline Status refuse_lfs_pointer(std::span<const uint8_t> bytes) {
  constexpr std::string_view kBegin = "version https://git-lfs";
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(kBegin)) return {};
  return invalid_input("this is a pointer of Git LFS, not the file itself; run git lfs pull");
}

}  // namespace attune::weights
