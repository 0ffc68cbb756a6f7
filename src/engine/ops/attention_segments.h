// Attention by one LibTorch call a segment; keys and values of children are gathered from their
// ancestors. Works in every type and on every device; tree_attention falls back to it.
#pragma once

#include "engine/ops/attention.h"

namespace attune::engine::ops {

Tensor tree_attention_by_segment(const Tensor& q, const Tensor& k, const Tensor& v,
                                 const PackedLayout& layout, const AttentionOptions& options);

}  // namespace attune::engine::ops
