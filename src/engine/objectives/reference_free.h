// Learning from preference pairs without a reference model: ORPO, CPO, SimPO, AlphaPO, SLiC
// (losses.md §11), as pure functions of the log-probabilities of completions.
//
// P pairs; lp are sums over a completion's tokens, l = lp / tokens their means. Losses are [P]; the
// trainer divides their sum by the pairs of the whole step and adds the cross-entropy of the chosen
// side, which these methods need as an anchor, by objectives/nll.h (its normaliser counts tokens):
//
//   ORPO   + 1 times the nll over prompt and response (TRL), or the response alone (option)
//   CPO    + cpo_alpha times the nll of the chosen completion; SimPO: cpo_alpha 0
#pragma once

#include "engine/objectives/pair_loss.h"
#include "engine/objectives/preference.h"
#include "engine/tensor/tensor.h"

namespace attune::engine::objectives {

// Sums over completion tokens (differentiable) and their numbers (any type), [P].
struct CompletionPairs {
  Tensor chosen, rejected;
  Tensor chosen_tokens, rejected_tokens;
};

// ORPO (arXiv 2403.07691). With the log of the ratio of odds,
// OR = (l_w - l_l) - (log(1 - e^l_w) - log(1 - e^l_l)):  loss = -lambda log s(OR).
struct OddsLosses {
  Tensor loss;            // [P], differentiable
  Tensor log_odds_ratio;  // [P] log s(OR), no gradient: TRL's log_odds_ratio
  Tensor log_odds;        // [P] OR, no gradient: TRL's log_odds_chosen
};
OddsLosses odds_losses(const CompletionPairs& pairs, double lambda);
// TRL's rewards of ORPO: lambda times the mean log-prob.
PairRewards odds_rewards(const CompletionPairs& pairs, double lambda);

// With r = lp (sigmoid, hinge, slic) or l (ipo, simpo), or with alpha != 0 AlphaPO's
// (1 - e^(-alpha r)) / alpha in its place (arXiv 2501.03884), and x = beta (r_w - r_l):
//
//   sigmoid  -(1-e) log s(x) - e log s(-x)            CPO, arXiv 2401.08417
//   hinge    max(0, 1 - x)
//   ipo      (r_w - r_l - 1/(2 beta))^2
//   simpo    sigmoid of x - gamma                     SimPO, arXiv 2405.14734
//   slic     max(0, delta - r_w + r_l)                SLiC-HF, arXiv 2305.10425
enum class ReferenceFreeLoss { kSigmoid, kHinge, kIpo, kSimpo, kSlic };
const char* to_string(ReferenceFreeLoss loss);
Result<ReferenceFreeLoss> parse_reference_free_loss(std::string_view name);

struct ReferenceFreeOptions {
  ReferenceFreeLoss loss = ReferenceFreeLoss::kSigmoid;
  double beta = 0.1;           // > 0
  double label_smoothing = 0;  // e: sigmoid, simpo
  double simpo_gamma = 0.5;    // gamma
  double alpha = 0;            // AlphaPO
  double slic_delta = 1;       // delta
};
Tensor reference_free_losses(const CompletionPairs& pairs, const ReferenceFreeOptions& options);
// TRL's rewards of CPO: beta r.
PairRewards reference_free_rewards(const CompletionPairs& pairs,
                                   const ReferenceFreeOptions& options);

// Out of range or without meaning: an error that names TRL's option.
Status check_reference_free_options(const ReferenceFreeOptions& options);

}  // namespace attune::engine::objectives
