// Attention by one LibTorch call a segment; keys and values of children are gathered from their
// ancestors. Works in every type and on every device; tree_attention falls back to it.
#pragma once

#include <vector>

#include "engine/ops/attention.h"

namespace attune::engine::ops {

Tensor tree_attention_by_segment(const Tensor& q, const Tensor& k, const Tensor& v,
                                 const PackedLayout& layout, const AttentionOptions& options);

// One sequence: q [T, H, Dh] are the last T of the K positions that k and v [K, Hk, Dh] have;
// returns [T, H, Dh]. `hidden` [T, K] (bool) may be null.
Tensor path_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                      const AttentionOptions& options, const Tensor* hidden = nullptr);

// The same, where a query does not see some keys more: `hidden` has a mask [T, K] (bool, true =
// hidden) for every segment, over its queries and all keys from its root's first to its own last.
// Every query must be left with a key.
Tensor tree_attention_hiding(const Tensor& q, const Tensor& k, const Tensor& v,
                             const PackedLayout& layout, const AttentionOptions& options,
                             const std::vector<Tensor>& hidden);

}  // namespace attune::engine::ops
