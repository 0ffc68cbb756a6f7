// For tests: the losses on pairs written once more, in plain double arithmetic on one pair (or one
// sorted step), independently of the tensors' code.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/objectives/pair_loss.h"

namespace attune::engine::objectives::testing {

struct PlainPair {
  double policy_chosen, policy_rejected, reference_chosen, reference_rejected;
  double chosen_tokens, rejected_tokens;
};

inline double plain_sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
inline double plain_log_sigmoid(double x) {
  return x < 0 ? x - std::log1p(std::exp(x)) : -std::log1p(std::exp(-x));
}

inline double plain_divergence(double u, const PreferenceOptions& o) {
  switch (o.divergence) {
    case Divergence::kReverseKl: return u;
    case Divergence::kForwardKl: return 1 - std::exp(-u);
    case Divergence::kJs: return std::log(2 * std::exp(u) / (1 + std::exp(u)));
    case Divergence::kAlpha: break;
  }
  const double c = o.divergence_alpha - 1;
  return (std::pow(std::exp(u), c) - 1) / c;
}

inline double plain_pair_loss(PairLoss loss, const PlainPair& pair, const PreferenceOptions& o) {
  const double a = pair.policy_chosen - pair.reference_chosen;
  const double b = pair.policy_rejected - pair.reference_rejected;
  const double fa = plain_divergence(a, o), fb = plain_divergence(b, o);
  const double beta = o.beta, e = o.label_smoothing;
  const double x = beta * (fa - fb);
  const double mean = fa / pair.chosen_tokens - fb / pair.rejected_tokens;
  const double q = plain_sigmoid(x), w = plain_sigmoid(x / o.discopop_tau);
  const double log_q = plain_log_sigmoid(x), log_not_q = plain_log_sigmoid(-x);
  switch (loss) {
    case PairLoss::kSigmoid:
      if (o.sigmoid_smoothing == SigmoidSmoothing::kIgnored) return -log_q;
      return -(1 - e) * log_q - e * log_not_q;
    case PairLoss::kHinge: return std::max(0.0, 1 - x);
    case PairLoss::kIpo:
      return std::pow((o.ipo_length == IpoLength::kSum ? fa - fb : mean) - 1 / (2 * beta), 2);
    case PairLoss::kExoPair:
      return q * (log_q - std::log(1 - e)) + (1 - q) * (log_not_q - std::log(e));
    case PairLoss::kNcaPair:
      return -plain_log_sigmoid(beta * a) - plain_log_sigmoid(-beta * a) / 2 -
             plain_log_sigmoid(-beta * b) / 2;
    case PairLoss::kRobust: return (-(1 - e) * log_q + e * log_not_q) / (1 - 2 * e);
    case PairLoss::kBcoPair: return -plain_log_sigmoid(beta * a) - plain_log_sigmoid(-beta * b);
    case PairLoss::kSppoHard:
      return std::pow(a - 1 / (2 * beta), 2) + std::pow(b + 1 / (2 * beta), 2);
    case PairLoss::kApoZero: return 1 - plain_sigmoid(beta * a) + plain_sigmoid(beta * b);
    case PairLoss::kApoDown:
      return plain_sigmoid(beta * a) + 1 - plain_sigmoid(beta * (a - b));
    case PairLoss::kDiscopop: return (1 - w) * -log_q + w * std::exp(-x);
    case PairLoss::kSigmoidNorm: return -plain_log_sigmoid(beta * mean);
    case PairLoss::kAot:
    case PairLoss::kAotUnpaired:
    case PairLoss::kSft: break;
  }
  return NAN;
}

// The sum over a step of the sorted losses.
inline double plain_sorted_loss(PairLoss loss, const std::vector<PlainPair>& step,
                                const PreferenceOptions& o) {
  std::vector<double> above, below;
  for (const PlainPair& p : step) {
    const bool paired = loss == PairLoss::kAot;
    above.push_back(paired ? p.policy_chosen - p.policy_rejected
                           : p.policy_chosen - p.reference_chosen);
    below.push_back(paired ? p.reference_chosen - p.reference_rejected
                           : p.policy_rejected - p.reference_rejected);
  }
  std::sort(above.begin(), above.end());
  std::sort(below.begin(), below.end());
  double sum = 0;
  for (size_t i = 0; i < step.size(); ++i) {
    const double x = o.beta * (above[i] - below[i]);
    sum -= (1 - o.label_smoothing) * plain_log_sigmoid(x) +
           o.label_smoothing * plain_log_sigmoid(-x);
  }
  return sum;
}

}  // namespace attune::engine::objectives::testing
