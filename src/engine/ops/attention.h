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
  // ALiBi (arXiv 2108.12409): slope of every head, added as slope * (key position - query
  // position). Empty means none. [H]
  std::vector<float> alibi_slopes;
};

// q [N, H, Dh], k and v [N, Hk, Dh] with H a multiple of Hk; returns [N, H, Dh] of q's type.
// Differentiable in q, k and v. Chooses the fastest implementation for the device and type.
Tensor tree_attention(const Tensor& q, const Tensor& k, const Tensor& v, const PackedLayout& layout,
                      const AttentionOptions& options = {});

// The same by plain dense scores and a mask, in whatever precision the inputs have: slow, for
// tests.
Tensor tree_attention_reference(const Tensor& q, const Tensor& k, const Tensor& v,
                                const PackedLayout& layout, const AttentionOptions& options = {});

}  // namespace attune::engine::ops
