#include "engine/objectives/stable_log.h"

#include <ATen/ops/clamp.h>
#include <ATen/ops/clamp_max.h>
#include <ATen/ops/clamp_min.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/expm1.h>
#include <ATen/ops/log.h>
#include <ATen/ops/log1p.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/where.h>

#include <numbers>

namespace attune::engine::objectives {

Tensor log_sigmoid(const Tensor& x) { return at::log_sigmoid(x); }

Tensor log1m_exp(const Tensor& x) {
  constexpr double kBranch = -std::numbers::ln2;
  constexpr double kCertain = -1e-7;
  const Tensor safe = at::clamp_max(x, kCertain);
  // Each branch sees only inputs on its own side, so that the other's infinite gradient, times
  // zero, does not become NaN.
  const Tensor near_zero = at::log(-at::expm1(at::clamp_min(safe, kBranch)));
  const Tensor elsewhere = at::log1p(-at::exp(at::clamp_max(safe, kBranch)));
  return at::where(safe > kBranch, near_zero, elsewhere);
}

}  // namespace attune::engine::objectives
