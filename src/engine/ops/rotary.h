// Rotary position embedding (arXiv 2104.09864) in the layout of Transformers' checkpoints: the two
// halves of a head's first `rotary_dim` elements form the rotated pairs ("rotate half").
#pragma once

#include <cstdint>

#include "engine/tensor/tensor.h"

namespace attune::engine::ops {

// cos and sin of position * inverse frequency, [positions, rotary_dim / 2] fp32, from inverse
// frequencies [rotary_dim / 2] fp32. Angles are rounded to fp32 as in Transformers (decision 0008).
// `attention_factor` scales both (YaRN, LongRoPE).
struct RotaryTable {
  Tensor cos;
  Tensor sin;
};
RotaryTable make_rotary_table(const Tensor& inverse_frequencies, int64_t positions,
                              double attention_factor = 1.0);

// x [N, H, Dh] rotated by the table's rows at `positions` [N] int64; elements from 2 * columns of
// the table onwards pass through. Differentiable in x.
Tensor rotate(const Tensor& x, const RotaryTable& table, const Tensor& positions);

// The same composed of LibTorch's operators, in x's precision: for tests and other devices.
Tensor rotate_reference(const Tensor& x, const RotaryTable& table, const Tensor& positions);

}  // namespace attune::engine::ops
