#include "engine/objectives/ppo.h"

#include <ATen/ops/clamp.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/expm1.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/square.h>

namespace attune::engine::objectives {

PolicyTerms policy_terms(const Tensor& log_probs, const Tensor& old_log_probs,
                         const Tensor& advantages, double clip_low, double clip_high) {
  const Tensor log_ratio = log_probs - old_log_probs.detach();
  const Tensor ratio = at::exp(log_ratio);
  const Tensor pull = -advantages.detach();
  const Tensor plain = pull * ratio;
  const Tensor clipped = pull * at::clamp(ratio, 1 - clip_low, 1 + clip_high);
  const Tensor d = log_ratio.detach(), rho = ratio.detach();
  return {at::maximum(plain, clipped), rho,
          (clipped > plain).to(log_probs.scalar_type()), at::square(d) / 2, at::expm1(d) - d};
}

ValueTerms value_terms(const Tensor& values, const Tensor& old_values, const Tensor& returns,
                       double clip) {
  const Tensor before = old_values.detach(), goal = returns.detach();
  const Tensor near = before + at::clamp(values - before, -clip, clip);
  const Tensor plain = at::square(values - goal), clipped = at::square(near - goal);
  return {at::maximum(plain, clipped) / 2, (clipped > plain).to(values.scalar_type())};
}

}  // namespace attune::engine::objectives
