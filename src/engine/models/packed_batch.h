// One pass's tokens and how they belong together.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/ops/packed_layout.h"
#include "engine/tensor/tensor.h"

namespace attune::engine::models {

// Built segment by segment; `layout` says the structure. Not thread-safe while being built.
struct PackedBatch {
  ops::PackedLayout layout;
  std::vector<int32_t> tokens;  // [N]

  int64_t add_root(std::span<const int32_t> ids);
  int64_t add_child(int64_t parent, std::span<const int32_t> ids);

  Tensor token_tensor() const;     // [N] int64
  Tensor position_tensor() const;  // [N] int64
};

}  // namespace attune::engine::models
