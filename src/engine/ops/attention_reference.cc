#include <ATen/ops/arange.h>
#include <ATen/ops/einsum.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>

#include "engine/ops/attention.h"

namespace attune::engine::ops {
namespace {

// [N, N], true where the row's token sees the column's by the forest alone (window aside).
Tensor visibility(const PackedLayout& layout) {
  Tensor seen = at::zeros({layout.tokens(), layout.tokens()}, at::kBool);
  for (int64_t index = 0; index < layout.segment_count(); ++index) {
    const Segment& own = layout.segment(index);
    Tensor rows = seen.narrow(0, own.begin, own.length);
    for (int64_t above : layout.path_to(own.parent)) {
      rows.narrow(1, layout.segment(above).begin, layout.segment(above).length).fill_(true);
    }
    Tensor steps = at::arange(own.length);
    rows.narrow(1, own.begin, own.length).copy_(steps.unsqueeze(1) >= steps.unsqueeze(0));
  }
  return seen;
}

}  // namespace

Tensor tree_attention_reference(const Tensor& q, const Tensor& k, const Tensor& v,
                                const PackedLayout& layout, const AttentionOptions& options) {
  const int64_t group = q.size(1) / k.size(1);
  const double scale =
      options.scale != 0 ? options.scale : 1.0 / std::sqrt(static_cast<double>(q.size(2)));
  Tensor seen = visibility(layout).to(q.device());
  const Tensor position = at::tensor(layout.positions()).to(q.device());
  const Tensor distance = position.unsqueeze(0) - position.unsqueeze(1);  // key - query, <= 0
  if (options.window > 0) seen = seen.logical_and(distance > -options.window);
  Tensor scores = at::einsum("nhd,mhd->hnm", {q, k.repeat_interleave(group, 1)}) * scale;
  if (!options.alibi_slopes.empty()) {
    const Tensor bias = alibi_biases(options, position).to(scores.scalar_type());
    scores = scores + (bias.unsqueeze(1) - bias.unsqueeze(2));
  }
  scores = scores.masked_fill(seen.logical_not(), -std::numeric_limits<double>::infinity());
  const Tensor p = at::softmax(scores, -1);
  return at::einsum("hnm,mhd->nhd", {p, v.repeat_interleave(group, 1)});
}

}  // namespace attune::engine::ops
