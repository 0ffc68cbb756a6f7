// Attention of a pass that extends cached sequences (kv_cache.h). Every row attends to its
// segment's ancestors, to the segment's valid tokens, and causally to the pass's own rows of that
// segment.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/generate/kv_cache.h"
#include "engine/generate/kv_pool.h"
#include "engine/models/attention_context.h"
#include "engine/ops/attention_ragged.h"
#include "engine/ops/packed_layout.h"

namespace attune::engine::generate {

// Rows [begin, begin + count) of the pass are the next `count` tokens of `segment`.
struct CachedRows {
  KvSegment* segment = nullptr;
  int64_t begin = 0;
  int64_t count = 0;
};

// For one pass: pass it to Decoder::forward or decode, then call advance(). Rows cover the pass in
// order, without gaps; no two share a segment, and all or none lie in one pool. After an exception
// their segments are of no use. fp32; other types are converted. Segments with memory of their own:
// by our kernels, on the CPU. Those of a pool: by one call of LibTorch's for all rows on a GPU
// (ops/attention_ragged.h), and where that does not fit, as with ALiBi, one sequence after another.
class CachedAttention : public models::AttentionContext, public models::RowAttention {
 public:
  explicit CachedAttention(std::vector<CachedRows> rows);

  Tensor attend(int64_t layer, const Tensor& q, const Tensor& k, const Tensor& v,
                const ops::AttentionOptions& options) override;

  void append(const Place& place, const float* k, const float* v) override;
  void attend_row(const Place& place, const float* q, float* out,
                  const ops::AttentionOptions& options) override;

  // Makes what all layers wrote valid.
  void advance();

 private:
  // A row of the pass is token `offset` of its segment's new ones.
  struct Token {
    KvSegment* segment;
    int64_t offset;
  };

  void take_rows();
  void find_visible();
  Tensor attend_pooled(int64_t layer, const Tensor& q, const Tensor& k, const Tensor& v,
                       const ops::AttentionOptions& options);

  std::vector<CachedRows> rows_;
  std::vector<Token> tokens_;
  ops::PackedLayout fresh_;  // the rows as roots, when every segment is an empty root
  bool all_fresh_ = true;

  KvPool* pool_ = nullptr;
  std::vector<KvPool::Stretch> taken_;  // where the pass's tokens go in it
  // The pool's rows that the pass sees, sequence after sequence, int64, and how many are whose;
  // not where all segments are fresh.
  Tensor visible_;
  ops::RaggedLengths lengths_;
  ops::RaggedOffsets offsets_;
};

}  // namespace attune::engine::generate
