// What a decoder asks for when a layer attends. Training and scoring pass PackedAttention (a packed
// forest, no cache); generation passes its own, which appends to a KV cache. The decoder itself
// therefore has one forward path, and rollouts and training share their numerics.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "engine/ops/attention.h"
#include "engine/ops/forgetful_mask.h"
#include "engine/tensor/tensor.h"

namespace attune::engine::models {

class AttentionContext {
 public:
  virtual ~AttentionContext() = default;

  // q [N, H, Dh], k and v [N, Hk, Dh], already rotated; returns [N, H, Dh].
  virtual Tensor attend(int64_t layer, const Tensor& q, const Tensor& k, const Tensor& v,
                        const ops::AttentionOptions& options) = 0;
};

// The same for rows in plain memory, head by head: what a pass that shares its heads out among
// threads itself asks for (models/team_pass.h). Calls for different rows or heads may run side by
// side; a row attends to its own key once that has been appended.
class RowAttention {
 public:
  struct Place {
    int64_t layer = 0;
    int64_t row = 0;
    int64_t head = 0;     // of the queries
    int64_t kv_head = 0;  // the one it shares
  };
  virtual ~RowAttention() = default;

  // k and v [Dh] of the row's token in place.kv_head, k rotated.
  virtual void append(const Place& place, const float* k, const float* v) = 0;
  // q, rotated, and out [Dh] of place.head.
  virtual void attend_row(const Place& place, const float* q, float* out,
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

// The same with masks of forgetful causal masking, one for all layers. Must live until the backward
// pass is done when activations are recomputed.
class ForgetfulAttention : public AttentionContext {
 public:
  ForgetfulAttention(ops::PackedLayout layout, const ops::ForgetfulShare& share, uint64_t seed)
      : layout_(std::move(layout)), hidden_(ops::forgetful_masks(layout_, share, seed)) {}
  Tensor attend(int64_t layer, const Tensor& q, const Tensor& k, const Tensor& v,
                const ops::AttentionOptions& options) override;

 private:
  ops::PackedLayout layout_;
  std::vector<Tensor> hidden_;  // by segment
};

}  // namespace attune::engine::models
