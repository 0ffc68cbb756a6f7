// What a decoder asks for when a layer attends. Training and scoring pass PackedAttention (a packed
// forest, no cache); generation passes its own, which appends to a KV cache. The decoder itself
// therefore has one forward path, and rollouts and training share their numerics.
#pragma once

#include <cstdint>
#include <utility>

#include "engine/ops/attention.h"
#include "engine/tensor/tensor.h"

namespace attune::engine::models {

class AttentionContext {
 public:
  virtual ~AttentionContext() = default;

  // q [N, H, Dh], k and v [N, Hk, Dh], already rotated; returns [N, H, Dh].
  virtual Tensor attend(int64_t layer, const Tensor& q, const Tensor& k, const Tensor& v,
                        const ops::AttentionOptions& options) = 0;
};

// Attention inside one packed forest; owns a copy of the layout, so that a recomputed backward pass
// may outlive the batch.
class PackedAttention : public AttentionContext {
 public:
  explicit PackedAttention(ops::PackedLayout layout) : layout_(std::move(layout)) {}
  Tensor attend(int64_t layer, const Tensor& q, const Tensor& k, const Tensor& v,
                const ops::AttentionOptions& options) override;

 private:
  ops::PackedLayout layout_;
};

}  // namespace attune::engine::models
