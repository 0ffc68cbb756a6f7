// tree_attention by our own CPU kernels: blocked forward and backward passes over the whole forest,
// ancestors' keys and values read in place. fp32 only.
#pragma once

#include "engine/ops/attention.h"

namespace attune::engine::ops {

// Whether the kernels can take these inputs on this machine.
bool fused_attention_fits(const Tensor& q, const Tensor& k, const Tensor& v);

Tensor tree_attention_fused(const Tensor& q, const Tensor& k, const Tensor& v,
                            const PackedLayout& layout, const AttentionOptions& options);

}  // namespace attune::engine::ops
