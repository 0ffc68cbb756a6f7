#include "engine/generate/cached_attention.h"

#include <ATen/ops/empty_like.h>
#include <c10/util/BFloat16.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "engine/generate/exponential.h"
#include "engine/tensor/parallel.h"

namespace attune::engine::generate {
namespace {

constexpr int64_t kWorkPerThread = 100'000;  // multiplications

// A stretch of one head's cached keys and values that a row sees.
struct Run {
  const float* keys;
  const float* values;
  int64_t count;
  int64_t first_position;  // of the first key
};

// What one row needs to know about its head group.
struct RowView {
  const float* q;  // [shared, Dh], the query heads of one key/value head
  float* out;      // [shared, Dh]
  int64_t first_head;  // of the query heads
  int64_t shared;      // H / Hk
  int64_t width;       // Dh
};

// The runs from the root down; `own` tokens of the row's segment are visible. The window cuts.
std::vector<Run> runs_of(const KvSegment& segment, int64_t own, int64_t layer, int64_t head,
                         int64_t width, int64_t position, int64_t window) {
  const int64_t oldest = window > 0 ? std::max<int64_t>(position - window + 1, 0) : 0;
  std::vector<Run> runs;
  for (const KvSegment* at = &segment; at != nullptr; at = at->parent()) {
    const int64_t count = at == &segment ? own : at->length();
    const int64_t skip = std::max<int64_t>(oldest - at->first_position(), 0);
    if (skip >= count) continue;
    runs.push_back({at->keys(layer, head) + skip * width, at->values(layer, head) + skip * width,
                    count - skip, at->first_position() + skip});
  }
  std::reverse(runs.begin(), runs.end());
  return runs;
}

float dot(const float* a, const float* b, int64_t width) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < width; ++i) sum += a[i] * b[i];
  return sum;
}

// b(position) of ops/attention.h, before its scale.
float alibi_bias(float slope, int64_t position) {
  const float rounded = c10::BFloat16(static_cast<float>(position));
  return c10::BFloat16(slope * rounded);
}

// Adds ALiBi's share to the scores of a query, whose own key is the last one.
void add_alibi(const std::vector<Run>& runs, float slope, float scale, float* scores) {
  const float own = alibi_bias(slope, runs.back().first_position + runs.back().count - 1);
  for (const Run& run : runs) {
    for (int64_t t = 0; t < run.count; ++t) {
      *scores++ += (alibi_bias(slope, run.first_position + t) - own) * scale;
    }
  }
}

// Scores of one query head over all runs, then their softmax, unnormalised; returns the sum.
// `slope` is ALiBi's of this head, or 0.
float weigh(const float* q, const std::vector<Run>& runs, int64_t width, float scale, float slope,
            float alibi_scale, std::vector<float>& weights) {
  weights.clear();
  for (const Run& run : runs) {
    for (int64_t t = 0; t < run.count; ++t) {
      weights.push_back(dot(q, run.keys + t * width, width) * scale);
    }
  }
  if (slope != 0.0f) add_alibi(runs, slope, alibi_scale, weights.data());
  float best = -std::numeric_limits<float>::infinity();
  for (const float weight : weights) best = std::max(best, weight);
  float sum = 0;
  float* w = weights.data();
  const size_t count = weights.size();
#pragma omp simd reduction(+ : sum)
  for (size_t i = 0; i < count; ++i) {
    w[i] = fast_exp(w[i] - best);
    sum += w[i];
  }
  return sum;
}

void attend_row(const RowView& row, const std::vector<Run>& runs, float scale,
                const ops::AttentionOptions& options) {
  thread_local std::vector<float> weights;
  for (int64_t head = 0; head < row.shared; ++head) {
    const size_t absolute = static_cast<size_t>(row.first_head + head);
    const float slope = options.alibi_slopes.empty() ? 0.0f : options.alibi_slopes[absolute];
    const float* q = row.q + head * row.width;
    float* out = row.out + head * row.width;
    const float sum = weigh(q, runs, row.width, scale, slope,
                            static_cast<float>(options.alibi_scale), weights);
    std::fill(out, out + row.width, 0.0f);
    const float* weight = weights.data();
    for (const Run& run : runs) {
      for (int64_t t = 0; t < run.count; ++t) {
        const float w = *weight++ / sum;
        const float* value = run.values + t * row.width;
#pragma omp simd
        for (int64_t i = 0; i < row.width; ++i) out[i] += w * value[i];
      }
    }
  }
}

}  // namespace

CachedAttention::CachedAttention(std::vector<CachedRows> rows) : rows_(std::move(rows)) {
  for (const CachedRows& row : rows_) {
    all_fresh_ = all_fresh_ && row.segment->parent() == nullptr && row.segment->length() == 0;
  }
  if (!all_fresh_) return;
  for (const CachedRows& row : rows_) fresh_.add_root(row.count);
}

Tensor CachedAttention::attend(int64_t layer, const Tensor& q, const Tensor& k, const Tensor& v,
                               const ops::AttentionOptions& options) {
  const int64_t heads = q.size(1);
  const int64_t kv_heads = k.size(1);
  const int64_t width = q.size(2);
  const Tensor keys = k.to(at::kFloat).contiguous();
  const Tensor values = v.to(at::kFloat).contiguous();
  for (const CachedRows& row : rows_) {
    const int64_t offset = row.begin * kv_heads * width;
    row.segment->write(layer, keys.data_ptr<float>() + offset, values.data_ptr<float>() + offset,
                       row.count);
  }
  // Prompts are wide: the packed kernels are made for them.
  if (all_fresh_) return ops::tree_attention(q, k, v, fresh_, options);

  const Tensor queries = q.to(at::kFloat).contiguous();
  Tensor out = at::empty_like(queries);
  const float* query = queries.data_ptr<float>();
  float* result = out.data_ptr<float>();
  const int64_t shared = heads / kv_heads;
  const float scale = static_cast<float>(
      options.scale != 0 ? options.scale : 1.0 / std::sqrt(static_cast<double>(width)));
  std::vector<std::pair<const CachedRows*, int64_t>> of_token;  // its rows, and which of them it is
  for (const CachedRows& row : rows_) {
    for (int64_t i = 0; i < row.count; ++i) of_token.emplace_back(&row, i);
  }
  const auto tokens = static_cast<int64_t>(of_token.size());
  CHECK(tokens == q.size(0), "{} rows for {} tokens", tokens, q.size(0));
  const int64_t context = rows_.front().segment->first_position() + rows_.front().segment->length();
  const int64_t item_work = std::max<int64_t>(2 * shared * width * context, 1);
  const int64_t grain = std::max<int64_t>(kWorkPerThread / item_work, 1);
  const int64_t items = tokens * kv_heads;
  run_lanes(lanes_for(items, grain), items, [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t token = item / kv_heads;
      const int64_t head = item % kv_heads;
      const auto [row, offset] = of_token[static_cast<size_t>(token)];
      const KvSegment& segment = *row->segment;
      const int64_t own = segment.length() + offset + 1;
      const int64_t position = segment.first_position() + own - 1;
      const int64_t at = (token * heads + head * shared) * width;
      attend_row({query + at, result + at, head * shared, shared, width},
                 runs_of(segment, own, layer, head, width, position, options.window), scale,
                 options);
    }
  });
  return out.to(q.scalar_type());
}

void CachedAttention::advance() {
  for (const CachedRows& row : rows_) row.segment->advance(row.count);
}

}  // namespace attune::engine::generate
