#include "engine/objectives/unpaired.h"

#include <ATen/ops/full_like.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/where.h>

#include <algorithm>

#include "base/check.h"
#include "engine/objectives/stable_log.h"

namespace attune::engine::objectives {
namespace {

Tensor log_ratio(const Tensor& policy, const Tensor& reference) {
  return reference.defined() ? policy - reference.detach() : policy;
}

// +1 where desirable, -1 elsewhere.
Tensor sign_of(const Tensor& desirable, const Tensor& like) {
  return 2 * desirable.to(like.options()) - 1;
}

}  // namespace

const char* to_string(UnpairedLoss loss) {
  return loss == UnpairedLoss::kKto ? "kto" : "apo_zero_unpaired";
}

Result<UnpairedLoss> parse_unpaired_loss(std::string_view name) {
  for (const UnpairedLoss loss : {UnpairedLoss::kKto, UnpairedLoss::kApoZeroUnpaired}) {
    if (name == to_string(loss)) return loss;
  }
  return invalid_input("loss_type: \"{}\" is not known; choose from kto, apo_zero_unpaired", name);
}

Tensor unpaired_losses(const Tensor& policy, const Tensor& reference, const Tensor& desirable,
                       double z, const UnpairedOptions& options) {
  CHECK(desirable.sizes() == policy.sizes());
  const Tensor ratio = log_ratio(policy, reference);
  const double point = options.loss == UnpairedLoss::kKto ? z : 0;
  const Tensor sign = sign_of(desirable, ratio);
  const Tensor weight = at::where(desirable.to(at::kBool),
                                  at::full_like(sign, options.desirable_weight),
                                  at::full_like(sign, options.undesirable_weight));
  // 1 - s(x) = s(-x), without the cancellation.
  return weight * at::sigmoid(-options.beta * sign * (ratio - point));
}

double kto_reference_point(double sum, int64_t count) {
  return count == 0 ? 0 : std::max(0.0, sum / static_cast<double>(count));
}

Tensor bco_losses(const Tensor& policy, const Tensor& reference, const Tensor& desirable,
                  double beta, double d) {
  CHECK(desirable.sizes() == policy.sizes());
  const Tensor reward = beta * log_ratio(policy, reference);
  return -log_sigmoid(sign_of(desirable, reward) * (reward - d));
}

void RunningReward::add(double sum, double number) {
  if (number == 0) return;
  count += number;
  mean += (sum - number * mean) / count;
}

Tensor dove_losses(const Tensor& policy_chosen, const Tensor& policy_rejected,
                   const Tensor& reference_chosen, const Tensor& reference_rejected, double beta) {
  return -log_sigmoid(beta * (log_ratio(policy_chosen, reference_chosen) -
                              log_ratio(policy_rejected, reference_rejected)));
}

Tensor implicit_rewards(const Tensor& policy, const Tensor& reference, double beta) {
  return (beta * log_ratio(policy, reference)).detach();
}

}  // namespace attune::engine::objectives
