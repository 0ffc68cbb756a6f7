#include "engine/ops/attention.h"

#include "base/check.h"
#include "engine/ops/attention_fused.h"
#include "engine/ops/attention_segments.h"

namespace attune::engine::ops {

Tensor tree_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                      const PackedLayout& layout, const AttentionOptions& options) {
  CHECK(q.size(0) == layout.tokens(), "{} queries for {} tokens", q.size(0), layout.tokens());
  CHECK(q.size(1) % k.size(1) == 0, "{} heads over {} key heads", q.size(1), k.size(1));
  if (fused_attention_fits(q, k, v)) return tree_attention_fused(q, k, v, layout, options);
  return tree_attention_by_segment(q, k, v, layout, options);
}

}  // namespace attune::engine::ops
