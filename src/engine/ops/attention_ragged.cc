#include "engine/ops/attention_ragged.h"

#include <ATen/ops/_efficient_attention_forward.h>
#include <ATen/ops/_flash_attention_forward.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/check.h"
#include "engine/tensor/autograd.h"

namespace attune::engine::ops {
namespace {

constexpr int64_t kCausalFromBottomRight = 2;  // LibTorch's CustomMaskType

Tensor ends_of(const std::vector<int64_t>& lengths, at::Device device) {
  std::vector<int32_t> sums{0};
  for (const int64_t length : lengths) sums.push_back(sums.back() + static_cast<int32_t>(length));
  return at::tensor(sums, at::kInt).to(device);
}

// Each key head once for every query head that shares it.
Tensor spread_heads(const Tensor& x, int64_t heads) {
  if (x.size(1) == heads) return x;
  return x.unsqueeze(2)
      .expand({x.size(0), x.size(1), heads / x.size(1), x.size(2)})
      .reshape({x.size(0), heads, x.size(2)});
}

int64_t longest(const std::vector<int64_t>& lengths) {
  return *std::max_element(lengths.begin(), lengths.end());
}

bool window_in_use(const RaggedLengths& lengths, const AttentionOptions& options) {
  return options.window > 0 && options.window < longest(lengths.keys);
}

bool is_half(const Tensor& x) {
  return x.scalar_type() == at::kBFloat16 || x.scalar_type() == at::kHalf;
}

}  // namespace

RaggedOffsets ragged_offsets(const RaggedLengths& lengths, at::Device device) {
  return {ends_of(lengths.queries, device), ends_of(lengths.keys, device)};
}

bool ragged_attention_fits(const Tensor& q, const RaggedLengths& lengths,
                           const AttentionOptions& options) {
  if (!q.is_cuda() || !options.alibi_slopes.empty()) return false;
  if (is_half(q)) return q.size(2) % 8 == 0 && q.size(2) <= 256;
  return q.scalar_type() == at::kFloat && !window_in_use(lengths, options);
}

Tensor ragged_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                        const RaggedLengths& lengths, const RaggedOffsets& offsets,
                        const AttentionOptions& options) {
  CHECK(lengths.queries.size() == lengths.keys.size() && !lengths.keys.empty(),
        "{} and {} lengths", lengths.queries.size(), lengths.keys.size());
  const double scale =
      options.scale != 0 ? options.scale : 1.0 / std::sqrt(static_cast<double>(q.size(2)));
  const int64_t most_queries = longest(lengths.queries), most_keys = longest(lengths.keys);
  if (is_half(q)) {
    std::optional<int64_t> left, right;
    if (window_in_use(lengths, options)) left = options.window - 1, right = 0;
    return std::get<0>(at::_flash_attention_forward(
        q.contiguous(), k.contiguous(), v.contiguous(), offsets.queries, offsets.keys, most_queries,
        most_keys, /*dropout_p=*/0.0, /*is_causal=*/true, /*return_debug_mask=*/false, scale,
        left, right));
  }
  const auto one_batch = [&](const Tensor& x) {
    return spread_heads(x, q.size(1)).contiguous().unsqueeze(0);
  };
  return std::get<0>(at::_efficient_attention_forward(
                         one_batch(q), one_batch(k), one_batch(v), /*bias=*/std::nullopt,
                         offsets.queries, offsets.keys, most_queries, most_keys, /*dropout_p=*/0.0,
                         kCausalFromBottomRight, /*compute_log_sumexp=*/records_grad({q, k, v}),
                         scale))
      .squeeze(0);
}

RaggedLengths ragged_lengths(const PackedLayout& layout) {
  RaggedLengths lengths;
  for (const Segment& segment : layout.segments()) {
    lengths.queries.push_back(segment.length);
    lengths.keys.push_back(segment.first_position + segment.length);
  }
  return lengths;
}

Tensor tree_attention_ragged(const Tensor& q, const Tensor& k, const Tensor& v,
                             const PackedLayout& layout, const AttentionOptions& options) {
  const RaggedLengths lengths = ragged_lengths(layout);
  const RaggedOffsets offsets = ragged_offsets(lengths, q.device());
  if (layout.is_flat()) return ragged_attention(q, k, v, lengths, offsets, options);
  std::vector<int64_t> rows;  // of the keys, segment after segment
  for (int64_t index = 0; index < layout.segment_count(); ++index) {
    for (const int64_t at : layout.path_to(index)) {
      const Segment& part = layout.segment(at);
      for (int64_t i = 0; i < part.length; ++i) rows.push_back(part.begin + i);
    }
  }
  const Tensor gathered = at::tensor(rows, at::kLong).to(q.device());
  return ragged_attention(q, at::index_select(k, 0, gathered), at::index_select(v, 0, gathered),
                          lengths, offsets, options);
}

}  // namespace attune::engine::ops
