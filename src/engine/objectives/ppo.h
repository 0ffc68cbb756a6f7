// PPO's clipped policy and value losses (arXiv 1707.06347; losses.md §7.1), by token: the trainer
// divides their sums by the tokens (values: positions) of the whole minibatch, which gives the
// masked means of the references. Packed [N] tensors, fp32 or double.
#pragma once

#include "engine/tensor/tensor.h"

namespace attune::engine::objectives {

// rho = e^(new - old); loss_t = max(-A rho, -A clip(rho, 1 - low, 1 + high)). At equal log-probs
// rho is 1 and nothing is clipped.
struct PolicyTerms {
  Tensor loss;       // [N], differentiable in `log_probs`
  // Without gradient, [N]; TRL's names are of their means over the step's tokens.
  Tensor ratio;      // val/ratio
  Tensor clipped;    // policy/clipfrac_avg: 1 where the clipped term is the larger one
  Tensor approx_kl;  // policy/approxkl_avg: (new - old)^2 / 2
  Tensor k3;         // rho - 1 - log rho: never negative, unbiased
};
PolicyTerms policy_terms(const Tensor& log_probs, const Tensor& old_log_probs,
                         const Tensor& advantages, double clip_low, double clip_high);

// loss_t = max((V - R)^2, (V_clipped - R)^2) / 2,  V_clipped = V_old + clip(V - V_old, -e, e).
struct ValueTerms {
  Tensor loss;     // [N'], differentiable in `values`
  Tensor clipped;  // [N'] without gradient: val/clipfrac_avg
};
ValueTerms value_terms(const Tensor& values, const Tensor& old_values, const Tensor& returns,
                       double clip);

}  // namespace attune::engine::objectives
