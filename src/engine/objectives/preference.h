// Learning from preference pairs with a reference model: DPO and its family, as pure functions of
// the log-probabilities of completions (losses.md §9 and §10).
//
// P is the number of pairs. Of each side one gives the sum over the completion's tokens (never the
// mean) of log p under the policy (differentiable) and under the reference. With
//
//   a = policy(chosen) - reference(chosen)       b = the same of the rejected side
//   D = f(a) - f(b)    f: the divergence (pair_loss.h), the identity by default; f(0) = 0
//   e = label_smoothing    |y| = tokens of a side
//
// a pair's loss is
//
//   sigmoid       -(1-e) log s(beta D) - e log s(-beta D)  arXiv 2305.18290; e > 0: Mitchell's cDPO
//   hinge         max(0, 1 - beta D)                                       RSO, arXiv 2309.06657
//   ipo           (f(a)/|y_w| - f(b)/|y_l| - 1/(2 beta))^2, or sums        IPO, arXiv 2310.12036
//   exo_pair      q = s(beta D): q log(q/(1-e)) + (1-q) log((1-q)/e)       EXO, arXiv 2402.00856
//   nca_pair      -log s(beta a) - (log s(-beta a) + log s(-beta b)) / 2   NCA, arXiv 2402.05369
//   robust        [-(1-e) log s(beta D) + e log s(-beta D)] / (1 - 2e)     arXiv 2403.00409
//   bco_pair      -log s(beta a) - log s(-beta b)                          BCO, arXiv 2404.04656
//   sppo_hard     (a - 1/(2 beta))^2 + (b + 1/(2 beta))^2                  SPPO, arXiv 2405.00675
//   aot           d = sort(policy_w - policy_l) - sort(reference_w - reference_l) over the step:
//                 -(1-e) log s(beta d) - e log s(-beta d)                  AOT, arXiv 2406.05882
//   aot_unpaired  the same with d = sort(a) - sort(b)
//   apo_zero      1 - s(beta a) + s(beta b)                                APO, arXiv 2408.06266
//   apo_down      s(beta a) + 1 - s(beta (a - b))
//   discopop      z = beta D, w = s(z/tau): -(1-w) log s(z) + w e^-z       arXiv 2406.08414
//   sft           -policy(chosen) / (mean chosen tokens of a pair in the step): its sum over the
//                 step, divided by the step's pairs, is the mean over the step's chosen tokens
//   sigmoid_norm  -log s(beta (f(a)/|y_w| - f(b)/|y_l|))                   Tulu 3, arXiv 2411.15124
//
// and the weighted sum of these for several types (MPO, arXiv 2411.10442). SPIN (arXiv 2401.01335)
// is sigmoid with the previous iterate as reference and its own samples as the rejected side.
//
// Soft labels: a pair whose chosen side is preferred with probability p costs p times its loss plus
// 1-p times that of the swapped pair (losses.md §12; for sigmoid -p log s(beta D) - (1-p) log
// s(-beta D)). exo_pair instead takes p (1-e) + (1-p) e as its target, which is EXO's own form, and
// sft imitates the chosen side whatever p is. The sorted losses refuse p.
//
// Everything is computed in the type of the log-probabilities: fp32 or double. Pure functions,
// thread-safe.
#pragma once

#include "engine/objectives/pair_loss.h"
#include "engine/objectives/sorted_partners.h"
#include "engine/tensor/tensor.h"

namespace attune::engine::objectives {

// One side of P pairs.
struct SideLogProbs {
  Tensor policy;     // [P] sums over the completion's tokens; differentiable
  Tensor reference;  // [P] the same under the reference; undefined: no reference (0)
  Tensor tokens;     // [P] tokens summed, any type; for ipo by mean, sigmoid_norm
  // For ld_alpha alone: sums over the first min(|y_w|, |y_l|) tokens (Spans::head_sums).
  Tensor policy_shared;     // [P]; differentiable
  Tensor reference_shared;  // [P]; undefined: no reference
};

struct PreferencePairs {
  SideLogProbs chosen, rejected;
  Tensor chosen_probability;  // [P] in [0, 1]: soft labels; undefined: all 1
  // [P], see wpo_weights; undefined: all 1. Each pair's whole loss is multiplied, sft's part too
  // (TRL there multiplies the batch's mean).
  Tensor weights;
  // For sft alone: chosen tokens of the whole optimiser step / its pairs.
  double chosen_tokens_per_pair = 0;
  // For aot and aot_unpaired, when these pairs are only a part of the step (sorted_partners.h).
  // Undefined: these pairs are the whole step.
  SortedPartners partners;
};

// The loss of each pair, [P]: the trainer divides their sum by the pairs of the whole step.
// `options` has passed check_preference_options; what a loss needs is there (CHECK).
Tensor preference_losses(const PreferencePairs& pairs, const PreferenceOptions& options);

// The partners of a whole step for the sorted losses, from a pass without gradients: give each pass
// its rows of them (SortedPartners::at_rows).
SortedPartners partners_of_step(const PreferencePairs& step, const PreferenceOptions& options);

// What TRL logs as rewards/chosen, rejected, accuracies and margins; [P] each, without gradient.
// The reward of a side is beta (policy - reference), whatever the loss.
struct PairRewards {
  Tensor chosen, rejected;
  Tensor accuracy;  // 1 where chosen > rejected, else 0
  Tensor margin;    // chosen - rejected
};
PairRewards preference_rewards(const PreferencePairs& pairs, const PreferenceOptions& options);
PairRewards pair_rewards(const Tensor& chosen, const Tensor& rejected);

// WPO (arXiv 2406.11827): a pair weighs exp(m_w + m_l), m the mean over a side's tokens of
// log p_t - log sum_v p_v^2. No gradient. [P] each.
Tensor wpo_weights(const Tensor& chosen_mean, const Tensor& rejected_mean);

}  // namespace attune::engine::objectives
