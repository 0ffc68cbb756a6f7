// Attention of many sequences of different lengths by one call of LibTorch's kernels for GPUs:
// flash attention for bf16 and half (arXiv 2307.08691), the memory-efficient one for fp32
// (arXiv 2112.05682).
#pragma once

#include <cstdint>
#include <vector>

#include "engine/ops/attention.h"

namespace attune::engine::ops {

// Sequence s has keys[s] positions, of which its queries are the last queries[s] (at least one).
struct RaggedLengths {
  std::vector<int64_t> queries;
  std::vector<int64_t> keys;
};

// Where each sequence begins, and the end of the last: [S + 1] int32. The same for all layers of a
// pass; to make them waits for the device.
struct RaggedOffsets {
  Tensor queries;
  Tensor keys;
};

RaggedOffsets ragged_offsets(const RaggedLengths& lengths, at::Device device);

// On a CUDA device, without ALiBi; bf16 and half in heads of a multiple of 8 up to 256, fp32 where
// no sequence is longer than the window (LibTorch 2.11's backward pass of one is wrong).
bool ragged_attention_fits(const Tensor& q, const RaggedLengths& lengths,
                           const AttentionOptions& options);

// q [sum of queries, H, Dh], k and v [sum of keys, Hk, Dh], sequence after sequence; returns q's
// shape. Causal, with options' scale and window. Differentiable.
Tensor ragged_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                        const RaggedLengths& lengths, const RaggedOffsets& offsets,
                        const AttentionOptions& options);

// The segments of a layout, each a sequence whose keys are its ancestors' and its own.
RaggedLengths ragged_lengths(const PackedLayout& layout);

// tree_attention by it, for ragged_lengths(layout).
Tensor tree_attention_ragged(const Tensor& q, const Tensor& k, const Tensor& v,
                             const PackedLayout& layout, const AttentionOptions& options);

}  // namespace attune::engine::ops
