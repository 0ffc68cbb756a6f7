#include "engine/objectives/group_policy.h"

#include <ATen/ops/clamp.h>
#include <ATen/ops/clamp_max.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

#include <array>

#include "base/check.h"
#include "engine/objectives/rollout_rewards.h"

namespace attune::engine::objectives {
namespace {

constexpr std::array kAggregations = {
    std::pair(Aggregation::kGrpo, "grpo"), std::pair(Aggregation::kDapo, "dapo"),
    std::pair(Aggregation::kBnpo, "bnpo"), std::pair(Aggregation::kDrGrpo, "dr_grpo"),
    std::pair(Aggregation::kCispo, "cispo")};

Tensor log_ratio(const GroupTokens& tokens) {
  return tokens.log_probs - (tokens.old.defined() ? tokens.old : tokens.log_probs).detach();
}

// -min(rho A, clip(rho) A).
Tensor clipped_loss(const Tensor& ratio, const Tensor& advantages, double low, double high,
                    double cap) {
  const Tensor plain = (cap > 0 ? at::clamp_max(ratio, cap) : ratio) * advantages;
  return -at::minimum(plain, at::clamp(ratio, 1 - low, 1 + high) * advantages);
}

Tensor flags(const Tensor& flag, const Tensor& like) {
  return flag.to(like.scalar_type());
}

Tensor units_of(const Spans& spans, const GroupPolicyOptions& options) {
  std::vector<double> units;
  for (const int64_t length : spans.lengths()) {
    switch (options.aggregation) {
      case Aggregation::kGrpo: units.push_back(1); break;
      case Aggregation::kDrGrpo:
        units.push_back(static_cast<double>(options.max_completion_length));
        break;
      case Aggregation::kDapo:
      case Aggregation::kBnpo:
      case Aggregation::kCispo: units.push_back(static_cast<double>(length)); break;
    }
  }
  return at::tensor(units, at::kDouble);
}

}  // namespace

const char* to_string(Aggregation aggregation) {
  for (const auto& [known, name] : kAggregations) {
    if (known == aggregation) return name;
  }
  return "unknown";
}

Result<Aggregation> parse_aggregation(std::string_view name) {
  for (const auto& [aggregation, known] : kAggregations) {
    if (name == known) return aggregation;
  }
  return invalid_input(
      "loss_type: \"{}\" is not known; choose from grpo, dapo, bnpo, dr_grpo, cispo", name);
}

PolicyLosses group_policy_losses(const GroupTokens& tokens, const Spans& spans,
                                 const GroupPolicyOptions& options) {
  CHECK(options.aggregation != Aggregation::kDrGrpo || options.max_completion_length > 0,
        "dr_grpo divides by max_completion_length");
  const bool cispo = options.aggregation == Aggregation::kCispo;
  Tensor difference = log_ratio(tokens);
  if (options.level == ImportanceLevel::kSequence) {
    difference = spans.spread(spans.means(difference));
  }
  const Tensor ratio = at::exp(difference);
  const Tensor advantages = spans.spread(tokens.advantages.detach().to(ratio.options()));
  Tensor loss;
  if (cispo) {
    loss = -at::clamp_max(ratio, options.clip_high).detach() * advantages * tokens.log_probs;
  } else {
    loss = clipped_loss(ratio, advantages, options.clip_low, options.clip_high, options.ratio_cap);
  }
  if (tokens.correction.defined()) loss = loss * tokens.correction.detach();
  PolicyLosses out;
  if (options.beta != 0) {
    CHECK(tokens.reference.defined(), "a KL term needs the reference's log-probs");
    Tensor kl = kl_terms(tokens.log_probs, tokens.reference, KlEstimator::kK3);
    if (options.weighted_kl) kl = kl * ratio;
    loss = loss + options.beta * kl;
    out.kl = kl.detach();
  }
  out.loss = options.aggregation == Aggregation::kGrpo ? spans.means(loss) : spans.sums(loss);
  out.units = units_of(spans, options);
  const Tensor rho = ratio.detach();
  const double high = cispo ? options.clip_high : 1 + options.clip_high;
  out.clipped_high = flags((rho > high).logical_and(advantages > 0), rho);
  out.clipped_low = cispo ? at::zeros_like(rho)
                          : flags((rho < 1 - options.clip_low).logical_and(advantages < 0), rho);
  return out;
}

PolicyLosses rloo_losses(const GroupTokens& tokens, const Spans& spans, double clip_low,
                         double clip_high) {
  const Tensor ratio = at::exp(spans.sums(log_ratio(tokens)));
  const Tensor advantages = tokens.advantages.detach().to(ratio.options());
  const Tensor rho = ratio.detach();
  PolicyLosses out;
  out.loss = clipped_loss(ratio, advantages, clip_low, clip_high, 0);
  out.units = at::ones({spans.count()}, at::kDouble);
  out.clipped_low = flags((rho < 1 - clip_low).logical_and(advantages < 0), rho);
  out.clipped_high = flags((rho > 1 + clip_high).logical_and(advantages > 0), rho);
  return out;
}

Tensor importance_correction(const Tensor& policy, const Tensor& sampler, const Spans& spans,
                             const ImportanceCorrection& correction) {
  Tensor difference = policy.detach() - sampler.detach();
  if (correction.level == ImportanceLevel::kSequence) {
    difference = spans.spread(spans.sums(difference));
  }
  const Tensor weight = at::exp(difference);
  if (!correction.masked) return at::clamp(weight, correction.low, correction.high);
  const Tensor inside = (weight >= correction.low).logical_and(weight <= correction.high);
  return at::where(inside, weight, at::zeros_like(weight));
}

}  // namespace attune::engine::objectives
