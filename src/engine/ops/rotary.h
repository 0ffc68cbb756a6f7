// Rotary position embedding (arXiv 2104.09864) in the layout of Transformers' checkpoints: the two
// halves of a head's first `rotary_dim` elements form the rotated pairs ("rotate half").
#pragma once

#include <cstdint>
#include <vector>

#include "engine/tensor/tensor.h"

namespace attune::engine::ops {

// cos and sin of every position, [positions, rotary_dim / 2] fp32, computed in double precision
// from inverse frequencies [rotary_dim / 2]. `attention_factor` scales both (YaRN, LongRoPE).
struct RotaryTable {
  Tensor cos;
  Tensor sin;
};
RotaryTable make_rotary_table(const std::vector<double>& inverse_frequencies, int64_t positions,
                              double attention_factor = 1.0);

// x [N, H, Dh] rotated by the table's rows at `positions` [N] int64; elements from 2 * columns of
// the table onwards pass through. Differentiable in x.
Tensor rotate(const Tensor& x, const RotaryTable& table, const Tensor& positions);

// The same composed of LibTorch's operators, in x's precision: for tests and other devices.
Tensor rotate_reference(const Tensor& x, const RotaryTable& table, const Tensor& positions);

}  // namespace attune::engine::ops
