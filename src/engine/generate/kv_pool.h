// Keys and values of all sequences of a generator in one tensor, a row a token: in each layer a
// pass writes its tokens by one copy and reads what they see by one gather, where a GPU would be
// kept waiting by copies of single rows (vLLM's slots, arXiv 2309.06180, in blocks of one token).
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "engine/generate/kv_cache.h"
#include "engine/tensor/tensor.h"

namespace attune::engine::generate {

// On any device. Not thread-safe.
class KvPool {
 public:
  // Rows [begin, begin + count).
  struct Stretch {
    int64_t begin = 0;
    int64_t count = 0;
  };

  // Beyond `rows_max` it grows only when it must; at most what a generator's requests may need.
  KvPool(const KvShape& shape, int64_t rows_max) : shape_(shape), rows_max_(rows_max) {}

  // `count` free rows: one stretch where there is one, or where the pool may grow; else as many as
  // it takes. Rows in use keep their numbers and what is in them. While the pool grows, old and new
  // one are both there.
  std::vector<Stretch> take(int64_t count);
  // The memory goes with the last row.
  void give_back(std::vector<int64_t> rows);

  // k and v [sum of counts, Hk, Dh] into the stretches, in their order.
  void write(int64_t layer, const std::vector<Stretch>& to, const Tensor& k, const Tensor& v);
  // All rows, [capacity, Hk, Dh] fp32; those not written hold anything. Until the next take().
  Tensor keys(int64_t layer) const { return storage_.select(0, layer).select(0, 0); }
  Tensor values(int64_t layer) const { return storage_.select(0, layer).select(0, 1); }

  at::Device device() const { return shape_.device; }
  int64_t capacity() const { return capacity_; }
  int64_t free_rows() const { return free_rows_; }

 private:
  using Free = std::map<int64_t, int64_t>;  // begin to count; no two touch

  Free::iterator wide_enough(int64_t count);
  void grow(int64_t count);
  void add_free(Stretch stretch);
  Stretch cut(Free::iterator from, int64_t count);

  KvShape shape_;
  int64_t rows_max_;
  int64_t capacity_ = 0;
  int64_t free_rows_ = 0;
  Free free_;
  Tensor storage_;  // [layers, 2, capacity, Hk, Dh]
};

}  // namespace attune::engine::generate
