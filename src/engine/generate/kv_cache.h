// Keys and values of sequences that are being generated, as a tree: the samples of one prompt refer
// to the prompt's segment and own only what they add.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/check.h"
#include "engine/tensor/tensor.h"

namespace attune::engine::generate {

class KvPool;

// Sizes of a model's cache.
struct KvShape {
  int64_t layers = 0;
  int64_t kv_heads = 0;
  int64_t head_width = 0;
  at::Device device = at::kCPU;

  // fp32 bytes of one token over all layers.
  int64_t bytes_per_token() const { return layers * 2 * kv_heads * head_width * 4; }
};

// One stretch of a sequence: room for `capacity` tokens. A finished prompt is shared and immutable;
// the segment being extended has one owner. What it holds lies in memory of its own, fp32, each
// head's keys back to back, for kernels that take pointers; or in rows of a pool (kv_pool.h), which
// a GPU wants.
class KvSegment {
 public:
  // On a GPU with the pool of its generator, on the CPU without one; all segments of a sequence in
  // the same pool.
  KvSegment(const KvShape& shape, int64_t capacity, std::shared_ptr<const KvSegment> parent,
            std::shared_ptr<KvPool> pool = nullptr);
  ~KvSegment();
  KvSegment(const KvSegment&) = delete;
  KvSegment& operator=(const KvSegment&) = delete;

  int64_t length() const { return length_; }
  int64_t capacity() const { return capacity_; }
  int64_t first_position() const { return first_position_; }
  int64_t head_width() const { return shape_.head_width; }
  const KvSegment* parent() const { return parent_.get(); }

  // Keys (values) of one head: [capacity, Dh], of which `length` rows are valid. Without a pool
  // alone, as the next two.
  const float* keys(int64_t layer, int64_t head) const { return at(layer, 0, head); }
  const float* values(int64_t layer, int64_t head) const { return at(layer, 1, head); }

  // Writes rows after the valid ones, in one layer: k and v [count, Hk, Dh] fp32 contiguous. They
  // become valid by advance(count), once every layer has been written.
  void write(int64_t layer, const float* k, const float* v, int64_t count);
  // The same for one head: k and v [Dh] of the `offset`-th token after the valid ones. Heads may be
  // written side by side.
  void write_head(int64_t layer, int64_t head, int64_t offset, const float* k, const float* v);

  // In a pool: the rows of its tokens there, which it gives back in the end; add_row() takes over
  // that of the next token, which becomes valid by advance().
  KvPool* pool() const { return pool_.get(); }
  const std::vector<int64_t>& pool_rows() const { return pool_rows_; }
  void add_row(int64_t row) { pool_rows_.push_back(row); }

  void advance(int64_t count);

 private:
  float* at(int64_t layer, int64_t which, int64_t head) const {
    CHECK(data_ != nullptr, "rows of a pool asked for as memory");
    return data_ + ((layer * 2 + which) * shape_.kv_heads + head) * capacity_ * shape_.head_width;
  }
  KvShape shape_;
  int64_t capacity_;
  int64_t length_ = 0;
  int64_t first_position_ = 0;
  std::shared_ptr<const KvSegment> parent_;
  std::shared_ptr<KvPool> pool_;
  std::vector<int64_t> pool_rows_;
  Tensor storage_;
  float* data_ = nullptr;  // storage_'s
};

}  // namespace attune::engine::generate
