// Attention over a packed forest of segments (ops/packed_layout.h), with its backward pass.
//
// Each token attends to its ancestors' tokens and causally to its own segment; nothing else. Equal,
// up to the order of sums, to running every root-to-leaf path as a sequence of its own.
// Source: scaled dot-product attention, arXiv 1706.03762 §3.2; grouped heads, arXiv 2305.13245.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/ops/packed_layout.h"
#include "engine/tensor/tensor.h"

namespace attune::engine::ops {

struct AttentionOptions {
  double scale = 0.0;  // multiplies q·k; 0 means 1/sqrt(Dh)
  // Sliding window (Mistral): a token at position p sees positions p-window+1 .. p. 0 means all.
  int64_t window = 0;
  // ALiBi (arXiv 2108.12409): slope of every head, [H]; empty means none. The scaled score of the
  // query at position i for the key at position j gets b(j) - b(i), where b(p) is
  //   alibi_scale * bf16(slope * bf16(p)).
  // The roundings are those of Transformers' build_alibi_tensor (5.23), which published ALiBi
  // models are run with (decision 0008). Slopes that are powers of two and positions up to 256
  // come through exactly.
  std::vector<float> alibi_slopes;
  double alibi_scale = 1.0;
};

// b(p) of every head at positions [P] int64: [H, P] fp32.
Tensor alibi_biases(const AttentionOptions& options, const Tensor& positions);

// q [N, H, Dh], k and v [N, Hk, Dh] with H a multiple of Hk; returns [N, H, Dh] of q's type.
// Differentiable in q, k and v. Chooses the fastest implementation for the device and type.
Tensor tree_attention(const Tensor& q, const Tensor& k, const Tensor& v, const PackedLayout& layout,
                      const AttentionOptions& options = {});

// The same by plain dense scores and a mask, in whatever precision the inputs have: slow, for
// tests.
Tensor tree_attention_reference(const Tensor& q, const Tensor& k, const Tensor& v,
                                const PackedLayout& layout, const AttentionOptions& options = {});

}  // namespace attune::engine::ops
