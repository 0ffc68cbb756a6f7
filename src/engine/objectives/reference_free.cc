#include "engine/objectives/reference_free.h"

#include <ATen/ops/expm1.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/square.h>

#include <array>
#include <cmath>

#include "engine/objectives/preference_terms.h"
#include "engine/objectives/stable_log.h"

namespace attune::engine::objectives {
namespace {

constexpr std::array kNames = {std::pair(ReferenceFreeLoss::kSigmoid, "sigmoid"),
                               std::pair(ReferenceFreeLoss::kHinge, "hinge"),
                               std::pair(ReferenceFreeLoss::kIpo, "ipo"),
                               std::pair(ReferenceFreeLoss::kSimpo, "simpo"),
                               std::pair(ReferenceFreeLoss::kSlic, "slic")};

struct Sides {
  Tensor chosen, rejected;
};

Sides means(const CompletionPairs& pairs) {
  return {pairs.chosen / pairs.chosen_tokens.to(pairs.chosen.options()),
          pairs.rejected / pairs.rejected_tokens.to(pairs.rejected.options())};
}

Tensor alpha_reward(const Tensor& log_prob, double alpha) {
  return alpha == 0 ? log_prob : -at::expm1(log_prob * -alpha) / alpha;
}

// r of both sides.
Sides rewards(const CompletionPairs& pairs, const ReferenceFreeOptions& options) {
  const bool by_mean =
      options.loss == ReferenceFreeLoss::kIpo || options.loss == ReferenceFreeLoss::kSimpo;
  const Sides log_probs = by_mean ? means(pairs) : Sides{pairs.chosen, pairs.rejected};
  return {alpha_reward(log_probs.chosen, options.alpha),
          alpha_reward(log_probs.rejected, options.alpha)};
}

}  // namespace

const char* to_string(ReferenceFreeLoss loss) {
  for (const auto& [known, name] : kNames) {
    if (known == loss) return name;
  }
  return "unknown";
}

Result<ReferenceFreeLoss> parse_reference_free_loss(std::string_view name) {
  for (const auto& [loss, known] : kNames) {
    if (name == known) return loss;
  }
  return invalid_input(
      "loss_type: \"{}\" is not known; choose from sigmoid, hinge, ipo, simpo, slic", name);
}

Status check_reference_free_options(const ReferenceFreeOptions& options) {
  if (!(options.beta > 0) || !std::isfinite(options.beta)) {
    return invalid_input("beta must be above 0; it is {}", options.beta);
  }
  if (!(options.label_smoothing >= 0 && options.label_smoothing < 0.5)) {
    return invalid_input("label_smoothing must be at least 0 and below 0.5, where labels would be "
                         "coin flips that teach nothing; it is {}",
                         options.label_smoothing);
  }
  if (!std::isfinite(options.simpo_gamma) || !std::isfinite(options.alpha)) {
    return invalid_input("simpo_gamma and alpha must be finite numbers");
  }
  return {};
}

OddsLosses odds_losses(const CompletionPairs& pairs, double lambda) {
  const Sides l = means(pairs);
  const Tensor log_odds = (l.chosen - l.rejected) - (log1m_exp(l.chosen) - log1m_exp(l.rejected));
  const Tensor ratio = log_sigmoid(log_odds);
  return {-lambda * ratio, ratio.detach(), log_odds.detach()};
}

PairRewards odds_rewards(const CompletionPairs& pairs, double lambda) {
  const Sides l = means(pairs);
  return pair_rewards(lambda * l.chosen, lambda * l.rejected);
}

Tensor reference_free_losses(const CompletionPairs& pairs, const ReferenceFreeOptions& options) {
  const Sides r = rewards(pairs, options);
  const Tensor difference = r.chosen - r.rejected;
  const Tensor x = options.beta * difference;
  switch (options.loss) {
    case ReferenceFreeLoss::kSigmoid: return smoothed_log_loss(x, options.label_smoothing);
    case ReferenceFreeLoss::kHinge: return at::relu(1 - x);
    case ReferenceFreeLoss::kIpo: return at::square(difference - 1 / (2 * options.beta));
    case ReferenceFreeLoss::kSimpo:
      return smoothed_log_loss(x - options.simpo_gamma, options.label_smoothing);
    case ReferenceFreeLoss::kSlic: break;
  }
  return at::relu(options.slic_delta - difference);
}

PairRewards reference_free_rewards(const CompletionPairs& pairs,
                                   const ReferenceFreeOptions& options) {
  const Sides r = rewards(pairs, options);
  return pair_rewards(options.beta * r.chosen, options.beta * r.rejected);
}

}  // namespace attune::engine::objectives
