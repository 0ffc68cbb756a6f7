#include "engine/generate/cached_attention.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>
#include <c10/util/BFloat16.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/check.h"
#include "engine/generate/exponential.h"
#include "engine/ops/attention_segments.h"
#include "engine/ops/cpu/kernels.h"
#include "engine/tensor/parallel.h"

namespace attune::engine::generate {
namespace {

constexpr int64_t kWorkPerThread = 100'000;  // multiplications

using ops::cpu::CachedQuery;
using ops::cpu::CachedRun;

constexpr int64_t kVectorFloats = 16;  // the widest vector there is

// The runs from the root down; `own` tokens of the row's segment are visible. The window cuts.
void find_runs(const KvSegment& segment, int64_t own, const models::RowAttention::Place& place,
               int64_t width, int64_t oldest, std::vector<CachedRun>& runs) {
  runs.clear();
  for (const KvSegment* at = &segment; at != nullptr; at = at->parent()) {
    const int64_t count = at == &segment ? own : at->length();
    const int64_t skip = std::max<int64_t>(oldest - at->first_position(), 0);
    if (skip >= count) continue;
    runs.push_back({at->keys(place.layer, place.kv_head) + skip * width,
                    at->values(place.layer, place.kv_head) + skip * width, count - skip,
                    at->first_position() + skip});
  }
  std::reverse(runs.begin(), runs.end());
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

// ALiBi's share in the scores of a query's keys.
void find_biases(const CachedQuery& query, float slope, float scale, std::vector<float>& biases) {
  biases.clear();
  const float own = alibi_bias(slope, query.position);
  for (int64_t r = 0; r < query.run_count; ++r) {
    for (int64_t t = 0; t < query.runs[r].count; ++t) {
      const int64_t position = query.runs[r].first_position + t;
      biases.push_back((alibi_bias(slope, position) - own) * scale);
    }
  }
}

// What the kernel attend_cached does, where there is none or the width does not suit it.
void attend_plainly(const CachedQuery& query) {
  float best = -std::numeric_limits<float>::infinity(), sum = 0;
  float* weight = query.weights;
  for (int64_t r = 0; r < query.run_count; ++r) {
    const CachedRun& run = query.runs[r];
    for (int64_t t = 0; t < run.count; ++t, ++weight) {
      *weight = dot(query.q, run.keys + t * query.width, query.width) * query.scale;
      if (query.biases != nullptr) *weight += query.biases[weight - query.weights];
      best = std::max(best, *weight);
    }
  }
  for (float* w = query.weights; w != weight; ++w) sum += *w = fast_exp(*w - best);
  std::fill(query.out, query.out + query.width, 0.0f);
  weight = query.weights;
  for (int64_t r = 0; r < query.run_count; ++r) {
    const CachedRun& run = query.runs[r];
    for (int64_t t = 0; t < run.count; ++t) {
      const float w = *weight++ / sum;
      const float* value = run.values + t * query.width;
#pragma omp simd
      for (int64_t i = 0; i < query.width; ++i) query.out[i] += w * value[i];
    }
  }
}

}  // namespace

CachedAttention::CachedAttention(std::vector<CachedRows> rows) : rows_(std::move(rows)) {
  for (const CachedRows& row : rows_) {
    CHECK(row.segment->pool() == rows_.front().segment->pool(), "a pass over two pools");
    all_fresh_ = all_fresh_ && row.segment->parent() == nullptr && row.segment->length() == 0;
    for (int64_t i = 0; i < row.count; ++i) tokens_.push_back({row.segment, i});
  }
  pool_ = rows_.front().segment->pool();
  if (pool_ != nullptr) take_rows();
  if (all_fresh_) {
    for (const CachedRows& row : rows_) fresh_.add_root(row.count);
  } else if (pool_ != nullptr) {
    find_visible();
  }
}

void CachedAttention::take_rows() {
  taken_ = pool_->take(static_cast<int64_t>(tokens_.size()));
  auto token = tokens_.begin();
  for (const auto [begin, count] : taken_) {
    for (int64_t i = 0; i < count; ++i) (token++)->segment->add_row(begin + i);
  }
}

void CachedAttention::find_visible() {
  std::vector<int64_t> visible;
  for (const CachedRows& row : rows_) {
    std::vector<const KvSegment*> path;
    for (const KvSegment* at = row.segment; at != nullptr; at = at->parent()) path.push_back(at);
    for (auto at = path.rbegin(); at != path.rend(); ++at) {
      const std::vector<int64_t>& rows = (*at)->pool_rows();
      visible.insert(visible.end(), rows.begin(), rows.end());
    }
    lengths_.queries.push_back(row.count);
    lengths_.keys.push_back(row.segment->first_position() + row.segment->length() + row.count);
  }
  CHECK(static_cast<int64_t>(visible.size()) ==
            std::accumulate(lengths_.keys.begin(), lengths_.keys.end(), int64_t{0}),
        "a segment of a pass that failed");
  const at::Device device = pool_->device();
  visible_ = at::tensor(visible, at::kLong).to(device);
  offsets_ = ops::ragged_offsets(lengths_, device);
}

void CachedAttention::append(const Place& place, const float* k, const float* v) {
  const Token& token = tokens_[static_cast<size_t>(place.row)];
  token.segment->write_head(place.layer, place.kv_head, token.offset, k, v);
}

void CachedAttention::attend_row(const Place& place, const float* q, float* out,
                                 const ops::AttentionOptions& options) {
  thread_local std::vector<CachedRun> runs;
  thread_local std::vector<float> weights, biases;
  const auto [segment, offset] = tokens_[static_cast<size_t>(place.row)];
  const int64_t own = segment->length() + offset + 1, width = segment->head_width();
  CachedQuery query{q, out, width, segment->first_position() + own - 1};
  const int64_t oldest = options.window > 0 ? query.position - options.window + 1 : 0;
  find_runs(*segment, own, place, width, oldest, runs);
  weights.resize(static_cast<size_t>(query.position + 1 + kVectorFloats));
  query.scale = static_cast<float>(
      options.scale != 0 ? options.scale : 1.0 / std::sqrt(static_cast<double>(width)));
  query.runs = runs.data();
  query.run_count = static_cast<int64_t>(runs.size());
  if (!options.alibi_slopes.empty()) {
    find_biases(query, options.alibi_slopes[static_cast<size_t>(place.head)],
                static_cast<float>(options.alibi_scale), biases);
    query.biases = biases.data();
  }
  query.weights = weights.data();
  const ops::cpu::KernelTable* kernels = ops::cpu::kernels();
  if (kernels != nullptr && width % kernels->lanes == 0) {
    kernels->attend_cached(query);
  } else {
    attend_plainly(query);
  }
}

Tensor CachedAttention::attend(int64_t layer, const Tensor& q, const Tensor& k, const Tensor& v,
                               const ops::AttentionOptions& options) {
  if (pool_ != nullptr) return attend_pooled(layer, q, k, v, options);
  const int64_t heads = q.size(1), kv_heads = k.size(1), width = q.size(2);
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
  const auto tokens = static_cast<int64_t>(tokens_.size());
  CHECK(tokens == q.size(0), "{} rows for {} tokens", tokens, q.size(0));
  const KvSegment& first = *rows_.front().segment;
  const int64_t item_work =
      std::max<int64_t>(2 * width * (first.first_position() + first.length()), 1);
  const int64_t least = std::max<int64_t>(kWorkPerThread / item_work, 1);
  run_lanes(lanes_for(tokens * heads, least), tokens * heads,
            [&](int64_t, int64_t begin, int64_t end) {
              for (int64_t item = begin; item < end; ++item) {
                const int64_t head = item % heads, at = item * width;
                attend_row({layer, item / heads, head, head / (heads / kv_heads)}, query + at,
                           result + at, options);
              }
            });
  return out.to(q.scalar_type());
}

Tensor CachedAttention::attend_pooled(int64_t layer, const Tensor& q, const Tensor& k,
                                      const Tensor& v, const ops::AttentionOptions& options) {
  pool_->write(layer, taken_, k, v);
  if (all_fresh_) return ops::tree_attention(q, k, v, fresh_, options);
  const auto seen = [&](const Tensor& rows) {
    return at::index_select(rows, 0, visible_).to(q.scalar_type());
  };
  const Tensor all_keys = seen(pool_->keys(layer)), all_values = seen(pool_->values(layer));
  if (ops::ragged_attention_fits(q, lengths_, options)) {
    return ops::ragged_attention(q, all_keys, all_values, lengths_, offsets_, options);
  }
  std::vector<Tensor> outputs;
  int64_t from = 0;
  for (size_t i = 0; i < rows_.size(); from += lengths_.keys[i++]) {
    outputs.push_back(ops::path_attention(q.narrow(0, rows_[i].begin, rows_[i].count),
                                          all_keys.narrow(0, from, lengths_.keys[i]),
                                          all_values.narrow(0, from, lengths_.keys[i]), options));
  }
  return at::cat(outputs);
}

void CachedAttention::advance() {
  for (const CachedRows& row : rows_) row.segment->advance(row.count);
}

}  // namespace attune::engine::generate
