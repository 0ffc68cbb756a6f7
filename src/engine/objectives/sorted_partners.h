// AOT (arXiv 2406.05882) compares distributions over the step: it sorts the two sides apart and
// pairs them by rank. A step that is cut into passes cannot sort inside a pass, so the partners are
// found once, for the whole step, from a pass without gradients; each pass then takes its own rows
// of them, and the losses and gradients of the passes add up to those of the uncut step.
//
// With F(d) the loss of a difference: aot is the sum over ranks of F(x_(k) - r_(k)), x the policy's
// differences and r the reference's (constants): a pair of rank k needs r_(k). aot_unpaired is the
// sum of F(a_(k) - b_(k)), where both have gradients: a pair takes F(a - b of a's rank) and, for
// the gradient alone, F(a of b's rank - b).
#pragma once

#include "engine/tensor/tensor.h"

namespace attune::engine::objectives {

struct SortedPartners {
  Tensor reference_difference;  // [P] for aot: the reference's difference of this pair's rank
  Tensor rejected_ratio;        // [P] for aot_unpaired: the rejected log-ratio of a's rank
  Tensor chosen_ratio;          // [P] for aot_unpaired: the chosen log-ratio of b's rank

  bool defined() const { return reference_difference.defined(); }

  // The partners of these pairs of the step; rows int64.
  SortedPartners at_rows(const Tensor& rows) const;
};

// Of a whole step: log-probs of completions under policy and reference, [P] each, with ld_alpha
// already applied (preference.h's partners_of_step does). No gradient. Equal values keep the order
// of the pairs.
SortedPartners sorted_partners(const Tensor& policy_chosen, const Tensor& policy_rejected,
                               const Tensor& reference_chosen, const Tensor& reference_rejected);

}  // namespace attune::engine::objectives
