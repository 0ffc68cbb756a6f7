// Random tensors that are a pure function of a seed: nothing to save, nothing to restore.
#pragma once

#include <cstdint>

#include "engine/tensor/tensor.h"

namespace attune::engine::nn {

// Fills `tensor` with normal numbers of mean 0, the same ones on every device.
void fill_normal(Tensor& tensor, double standard_deviation, uint64_t seed);

// Inverted dropout: each element is zero with probability `share` in [0, 1), else divided by
// 1 - share. The same seed and shape give the same mask on every device. Differentiable in x.
Tensor dropout(const Tensor& x, double share, uint64_t seed);

}  // namespace attune::engine::nn
