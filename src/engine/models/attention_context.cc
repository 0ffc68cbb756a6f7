#include "engine/models/attention_context.h"

#include "engine/ops/attention_segments.h"

namespace attune::engine::models {

Tensor PackedAttention::attend(int64_t /*layer*/, const Tensor& q, const Tensor& k,
                               const Tensor& v, const ops::AttentionOptions& options) {
  return ops::tree_attention(q, k, v, layout_, options);
}

Tensor ForgetfulAttention::attend(int64_t /*layer*/, const Tensor& q, const Tensor& k,
                                  const Tensor& v, const ops::AttentionOptions& options) {
  return ops::tree_attention_hiding(q, k, v, layout_, options, hidden_);
}

}  // namespace attune::engine::models
