#include "engine/ops/attention_segments.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>
#include <optional>

#include "base/check.h"

namespace attune::engine::ops {
namespace {

// The tokens of a segment's ancestors and its own, [K, Hk, Dh], in order of their positions.
Tensor along_path(const Tensor& x, const PackedLayout& layout, int64_t index) {
  std::vector<Tensor> parts;
  for (int64_t at : layout.path_to(index)) {
    parts.push_back(x.narrow(0, layout.segment(at).begin, layout.segment(at).length));
  }
  return parts.size() == 1 ? parts[0] : at::cat(parts);
}

// Additive mask [1, H or 1, T, K]: causal from the bottom right corner, window and ALiBi, and what
// `more` hides (may be null).
Tensor score_mask(const Tensor& like, int64_t queries, int64_t keys,
                  const AttentionOptions& options, const Tensor* more) {
  const Tensor query = at::arange(queries, like.device()) + (keys - queries);
  const Tensor key = at::arange(keys, like.device());
  const Tensor distance = key.unsqueeze(0) - query.unsqueeze(1);
  Tensor hidden = distance > 0;
  if (options.window > 0) hidden = hidden.logical_or(distance <= -options.window);
  if (more != nullptr) hidden = hidden.logical_or(more->to(like.device()));
  Tensor mask = at::zeros(distance.sizes(), like.options());
  if (!options.alibi_slopes.empty()) {
    const Tensor of_key = alibi_biases(options, key).unsqueeze(1);
    const Tensor of_query = alibi_biases(options, query).unsqueeze(2);
    mask = (of_key - of_query).to(like.scalar_type());
  }
  mask = mask.masked_fill(hidden, -std::numeric_limits<double>::infinity());
  return mask.dim() == 2 ? mask.view({1, 1, mask.size(0), mask.size(1)}) : mask.unsqueeze(0);
}

Tensor heads_first(const Tensor& x) { return x.transpose(0, 1).unsqueeze(0); }

Tensor by_segment(const Tensor& q, const Tensor& k, const Tensor& v, const PackedLayout& layout,
                  const AttentionOptions& options, const std::vector<Tensor>* hidden) {
  std::vector<Tensor> outputs;
  outputs.reserve(static_cast<size_t>(layout.segment_count()));
  for (int64_t index = 0; index < layout.segment_count(); ++index) {
    const Segment& own = layout.segment(index);
    outputs.push_back(path_attention(
        q.narrow(0, own.begin, own.length), along_path(k, layout, index),
        along_path(v, layout, index), options,
        hidden != nullptr ? &(*hidden)[static_cast<size_t>(index)] : nullptr));
  }
  return outputs.size() == 1 ? outputs[0].contiguous() : at::cat(outputs);
}

}  // namespace

Tensor path_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                      const AttentionOptions& options, const Tensor* hidden) {
  const int64_t queries = q.size(0), keys = k.size(0);
  const double scale =
      options.scale != 0 ? options.scale : 1.0 / std::sqrt(static_cast<double>(q.size(2)));
  const bool plain = options.alibi_slopes.empty() && hidden == nullptr &&
                     (options.window == 0 || options.window >= keys);
  const bool causal = plain && queries == keys;
  const bool sees_all = plain && queries == 1;
  std::optional<Tensor> mask;
  if (!causal && !sees_all) mask = score_mask(q, queries, keys, options, hidden);
  const Tensor out = at::scaled_dot_product_attention(
      heads_first(q), heads_first(k), heads_first(v), mask, 0.0, causal, scale,
      /*enable_gqa=*/q.size(1) != k.size(1));
  return out.squeeze(0).transpose(0, 1);
}

Tensor tree_attention_by_segment(const Tensor& q, const Tensor& k, const Tensor& v,
                                 const PackedLayout& layout, const AttentionOptions& options) {
  return by_segment(q, k, v, layout, options, nullptr);
}

Tensor tree_attention_hiding(const Tensor& q, const Tensor& k, const Tensor& v,
                             const PackedLayout& layout, const AttentionOptions& options,
                             const std::vector<Tensor>& hidden) {
  CHECK(static_cast<int64_t>(hidden.size()) == layout.segment_count(), "{} masks for {} segments",
        hidden.size(), layout.segment_count());
  return by_segment(q, k, v, layout, options, &hidden);
}

}  // namespace attune::engine::ops
