#include "engine/models/packed_batch.h"

#include <ATen/ops/tensor.h>

namespace attune::engine::models {

int64_t PackedBatch::add_root(std::span<const int32_t> ids) {
  tokens.insert(tokens.end(), ids.begin(), ids.end());
  return layout.add_root(static_cast<int64_t>(ids.size()));
}

int64_t PackedBatch::add_child(int64_t parent, std::span<const int32_t> ids) {
  tokens.insert(tokens.end(), ids.begin(), ids.end());
  return layout.add_child(parent, static_cast<int64_t>(ids.size()));
}

Tensor PackedBatch::token_tensor() const {
  std::vector<int64_t> wide(tokens.begin(), tokens.end());
  return at::tensor(wide);
}

Tensor PackedBatch::position_tensor() const { return at::tensor(layout.positions()); }

}  // namespace attune::engine::models
