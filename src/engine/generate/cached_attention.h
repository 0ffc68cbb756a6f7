// Attention of a pass that extends cached sequences (kv_cache.h). Every row attends to its
// segment's ancestors, to the segment's valid tokens, and causally to the pass's own rows of that
// segment.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/generate/kv_cache.h"
#include "engine/models/attention_context.h"
#include "engine/ops/packed_layout.h"

namespace attune::engine::generate {

// Rows [begin, begin + count) of the pass are the next `count` tokens of `segment`.
struct CachedRows {
  KvSegment* segment = nullptr;
  int64_t begin = 0;
  int64_t count = 0;
};

// For one pass: pass it to Decoder::forward, then call advance(). Rows cover the pass in order,
// without gaps; no two share a segment. fp32 on the CPU; other types are converted.
class CachedAttention : public models::AttentionContext {
 public:
  explicit CachedAttention(std::vector<CachedRows> rows);

  Tensor attend(int64_t layer, const Tensor& q, const Tensor& k, const Tensor& v,
                const ops::AttentionOptions& options) override;

  // Makes what all layers wrote valid.
  void advance();

 private:
  std::vector<CachedRows> rows_;
  ops::PackedLayout fresh_;  // the rows as roots, when every segment is an empty root
  bool all_fresh_ = true;
};

}  // namespace attune::engine::generate
