#include "engine/objectives/advantages.h"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/square.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>

#include "base/check.h"

namespace attune::engine::objectives {
namespace {

Tensor host(const Tensor& values) { return values.detach().to(at::kCPU, at::kDouble).contiguous(); }

}  // namespace

Advantages generalised_advantages(const Tensor& rewards, const Tensor& values, const Spans& spans,
                                  double gamma, double lambda) {
  CHECK(rewards.size(0) == spans.total() && values.size(0) == spans.total());
  const Tensor r = host(rewards), v = host(values);
  Tensor advantages = at::empty_like(r);
  const double* reward = r.const_data_ptr<double>();
  const double* value = v.const_data_ptr<double>();
  double* out = advantages.data_ptr<double>();
  for (int64_t s = 0; s < spans.count(); ++s) {
    double next_value = 0, next_advantage = 0;
    for (int64_t t = spans.begin(s) + spans.length(s) - 1; t >= spans.begin(s); --t) {
      const double surprise = reward[t] + gamma * next_value - value[t];
      next_advantage = surprise + gamma * lambda * next_advantage;
      next_value = value[t];
      out[t] = next_advantage;
    }
  }
  const auto options = rewards.options().requires_grad(false);
  return {advantages.to(options), (advantages + v).to(options)};
}

Tensor discounted_returns(const Tensor& rewards, const Spans& spans, double gamma) {
  return generalised_advantages(rewards, at::zeros_like(rewards), spans, gamma, 1).advantages;
}

void Moments::merge(const Moments& other) {
  if (other.count == 0) return;
  const double total = count + other.count;
  const double apart = other.mean - mean;
  squares += other.squares + apart * apart * count * other.count / total;
  mean += apart * other.count / total;
  count = total;
}

double Moments::variance(bool unbiased) const {
  const double divisor = unbiased ? count - 1 : count;
  return divisor > 0 ? squares / divisor : 0;
}

Moments moments(const Tensor& values) {
  if (values.numel() == 0) return {};
  const Tensor wide = values.detach().to(at::kDouble);
  const double mean = wide.mean().item<double>();
  return {static_cast<double>(wide.numel()), mean,
          at::sum(at::square(wide - mean)).item<double>()};
}

Tensor whiten(const Tensor& values, const Moments& all, const Whitening& whitening) {
  constexpr double kEpsilon = 1e-8;  // inside the root, as OpenAI and TRL have it
  const double scale = 1 / std::sqrt(all.variance(whitening.unbiased) + kEpsilon);
  const Tensor white = (values.detach() - all.mean) * scale;
  return whitening.keep_mean ? white + all.mean : white;
}

}  // namespace attune::engine::objectives
