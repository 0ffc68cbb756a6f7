#include "engine/generate/kv_cache.h"

#include <ATen/ops/empty.h>

#include <cstring>

#include "engine/generate/kv_pool.h"

namespace attune::engine::generate {

KvSegment::KvSegment(const KvShape& shape, int64_t capacity,
                     std::shared_ptr<const KvSegment> parent, std::shared_ptr<KvPool> pool)
    : shape_(shape), capacity_(capacity), parent_(std::move(parent)), pool_(std::move(pool)) {
  CHECK(capacity > 0, "a segment of {} tokens", capacity);
  CHECK(parent_ == nullptr || parent_->pool() == pool_.get(), "a sequence in two pools");
  if (parent_) first_position_ = parent_->first_position() + parent_->length();
  if (pool_) return;
  CHECK(shape.device.is_cpu(), "a segment on {} without a pool", shape.device.str());
  // Pages are touched only as tokens come, so that room for max_new_tokens costs what is used.
  storage_ = at::empty({shape.layers, 2, shape.kv_heads, capacity, shape.head_width},
                       at::TensorOptions(at::kFloat));
  data_ = storage_.data_ptr<float>();
}

KvSegment::~KvSegment() {
  if (pool_) pool_->give_back(std::move(pool_rows_));
}

void KvSegment::write(int64_t layer, const float* k, const float* v, int64_t count) {
  CHECK(length_ + count <= capacity_, "{} + {} tokens in a segment of {}", length_, count,
        capacity_);
  for (int64_t head = 0; head < shape_.kv_heads; ++head) {
    for (int64_t row = 0; row < count; ++row) {
      const int64_t from = (row * shape_.kv_heads + head) * shape_.head_width;
      write_head(layer, head, row, k + from, v + from);
    }
  }
}

void KvSegment::write_head(int64_t layer, int64_t head, int64_t offset, const float* k,
                           const float* v) {
  const int64_t to = (length_ + offset) * shape_.head_width;
  const size_t bytes = static_cast<size_t>(shape_.head_width) * sizeof(float);
  std::memcpy(at(layer, 0, head) + to, k, bytes);
  std::memcpy(at(layer, 1, head) + to, v, bytes);
}

void KvSegment::advance(int64_t count) {
  CHECK(length_ + count <= capacity_, "{} + {} tokens in a segment of {}", length_, count,
        capacity_);
  length_ += count;
  CHECK(pool_ == nullptr || pool_rows_.size() == static_cast<size_t>(length_),
        "{} rows of {} tokens", pool_rows_.size(), length_);
}

}  // namespace attune::engine::generate
