// What a decoder asks for when a layer attends. Training and scoring pass PackedAttention (a packed
// forest, no cache); generation passes its own, which appends to a KV cache. The decoder itself
// therefore has one forward path, and rollouts and training share their numerics.
#pragma once

#include <cstdint>

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

// Attention inside one packed forest; keeps a reference to the layout.
class PackedAttention : public AttentionContext {
 public:
  explicit PackedAttention(const ops::PackedLayout& layout) : layout_(layout) {}
  Tensor attend(int64_t layer, const Tensor& q, const Tensor& k, const Tensor& v,
                const ops::AttentionOptions& options) override;

 private:
  const ops::PackedLayout& layout_;
};

}  // namespace attune::engine::models
