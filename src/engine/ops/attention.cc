#include "engine/ops/attention.h"

#include <ATen/ops/tensor.h>

#include "base/check.h"
#include "engine/ops/attention_fused.h"
#include "engine/ops/attention_ragged.h"
#include "engine/ops/attention_segments.h"

namespace attune::engine::ops {

Tensor alibi_biases(const AttentionOptions& options, const Tensor& positions) {
  const Tensor slopes = at::tensor(options.alibi_slopes).to(positions.device());
  const Tensor rounded = positions.to(at::kBFloat16).to(at::kFloat);
  const Tensor bias = slopes.unsqueeze(1) * rounded.unsqueeze(0);
  return bias.to(at::kBFloat16).to(at::kFloat) * options.alibi_scale;
}

Tensor tree_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                      const PackedLayout& layout, const AttentionOptions& options) {
  CHECK(q.size(0) == layout.tokens(), "{} queries for {} tokens", q.size(0), layout.tokens());
  CHECK(q.size(1) % k.size(1) == 0, "{} heads over {} key heads", q.size(1), k.size(1));
  CHECK(options.alibi_slopes.empty() ||
            static_cast<int64_t>(options.alibi_slopes.size()) == q.size(1),
        "{} ALiBi slopes for {} heads", options.alibi_slopes.size(), q.size(1));
  if (fused_attention_fits(q, k, v)) return tree_attention_fused(q, k, v, layout, options);
  if (ragged_attention_fits(q, ragged_lengths(layout), options)) {
    return tree_attention_ragged(q, k, v, layout, options);
  }
  return tree_attention_by_segment(q, k, v, layout, options);
}

}  // namespace attune::engine::ops
