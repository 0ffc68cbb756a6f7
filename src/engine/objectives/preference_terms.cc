#include "engine/objectives/preference_terms.h"

#include <ATen/ops/clamp_max.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/expm1.h>
#include <ATen/ops/log.h>
#include <ATen/ops/log1p.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/square.h>

#include <cmath>
#include <numbers>

#include "base/check.h"
#include "engine/objectives/stable_log.h"

namespace attune::engine::objectives {
namespace {

Tensor per_token_difference(const PairTerms& terms) {
  CHECK(terms.chosen_tokens.defined() && terms.rejected_tokens.defined(),
        "a loss per token needs the tokens of both sides");
  return terms.chosen_score / terms.chosen_tokens - terms.rejected_score / terms.rejected_tokens;
}

Tensor ipo(const PairTerms& terms, const PreferenceOptions& options) {
  const Tensor difference = options.ipo_length == IpoLength::kTokenMean
                                ? per_token_difference(terms)
                                : terms.chosen_score - terms.rejected_score;
  return at::square(difference - 1 / (2 * options.beta));
}

Tensor robust(const Tensor& x, double smoothing) {
  return ((smoothing - 1) * log_sigmoid(x) + smoothing * log_sigmoid(-x)) / (1 - 2 * smoothing);
}

Tensor discopop(const Tensor& x, double tau) {
  const Tensor exponential = at::sigmoid(x / tau);
  return -log_sigmoid(x) * (1 - exponential) + at::exp(-x) * exponential;
}

Tensor nca(const Tensor& chosen, const Tensor& rejected) {
  return -log_sigmoid(chosen) - 0.5 * (log_sigmoid(-chosen) + log_sigmoid(-rejected));
}

}  // namespace

PairTerms PairTerms::swapped() const {
  return {rejected_ratio, chosen_ratio,    rejected_score,
          chosen_score,   rejected_tokens, chosen_tokens};
}

Tensor divergence_score(const Tensor& log_ratio, Divergence divergence, double alpha) {
  constexpr double kExponentMax = 80;
  switch (divergence) {
    case Divergence::kReverseKl: return log_ratio;
    case Divergence::kForwardKl: return -at::expm1(at::clamp_max(-log_ratio, kExponentMax));
    case Divergence::kJs: return log_sigmoid(log_ratio) + std::numbers::ln2;
    case Divergence::kAlpha: break;
  }
  const double power = alpha - 1;
  if (std::abs(power) < 1e-6) return log_ratio;  // the limit
  return at::expm1(at::clamp_max(log_ratio * power, kExponentMax)) / power;
}

Tensor smoothed_log_loss(const Tensor& x, double smoothing) {
  if (smoothing == 0) return -log_sigmoid(x);
  return -(1 - smoothing) * log_sigmoid(x) - smoothing * log_sigmoid(-x);
}

// q log(q / p) + (1 - q) log((1 - q) / (1 - p)), the divergence of the model's choice q from p.
Tensor exo_term(const PairTerms& terms, const Tensor& target, double beta) {
  const Tensor x = beta * (terms.chosen_score - terms.rejected_score);
  return at::sigmoid(x) * (log_sigmoid(x) - at::log(target)) +
         at::sigmoid(-x) * (log_sigmoid(-x) - at::log1p(-target));
}

Tensor pair_term(PairLoss loss, const PairTerms& terms, const PreferenceOptions& options) {
  const double beta = options.beta;
  const Tensor x = beta * (terms.chosen_score - terms.rejected_score);
  const Tensor chosen = beta * terms.chosen_ratio, rejected = beta * terms.rejected_ratio;
  const bool conservative = options.sigmoid_smoothing == SigmoidSmoothing::kConservative;
  switch (loss) {
    case PairLoss::kSigmoid:
      return smoothed_log_loss(x, conservative ? options.label_smoothing : 0);
    case PairLoss::kHinge: return at::relu(1 - x);
    case PairLoss::kIpo: return ipo(terms, options);
    case PairLoss::kNcaPair: return nca(chosen, rejected);
    case PairLoss::kRobust: return robust(x, options.label_smoothing);
    case PairLoss::kBcoPair: return -log_sigmoid(chosen) - log_sigmoid(-rejected);
    case PairLoss::kSppoHard:
      return at::square(terms.chosen_ratio - 0.5 / beta) +
             at::square(terms.rejected_ratio + 0.5 / beta);
    case PairLoss::kApoZero: return 1 - at::sigmoid(chosen) + at::sigmoid(rejected);
    case PairLoss::kApoDown: return at::sigmoid(chosen) + 1 - at::sigmoid(chosen - rejected);
    case PairLoss::kDiscopop: return discopop(x, options.discopop_tau);
    case PairLoss::kSigmoidNorm: return -log_sigmoid(beta * per_token_difference(terms));
    case PairLoss::kExoPair:
    case PairLoss::kAot:
    case PairLoss::kAotUnpaired:
    case PairLoss::kSft: break;
  }
  CHECK(false, "{} is not a loss of the pair alone", to_string(loss));
}

}  // namespace attune::engine::objectives
