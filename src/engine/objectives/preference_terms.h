// The formulas of the losses on pairs, one by one (preference.h has the table). Internal to
// objectives.
#pragma once

#include "engine/objectives/pair_loss.h"
#include "engine/tensor/tensor.h"

namespace attune::engine::objectives {

// What the formulas see of P pairs; [P] each.
struct PairTerms {
  Tensor chosen_ratio, rejected_ratio;    // a, b
  Tensor chosen_score, rejected_score;    // f(a), f(b)
  Tensor chosen_tokens, rejected_tokens;  // in the type of the ratios; undefined if not given

  PairTerms swapped() const;
};

// f(u), differentiable; alpha is of kAlpha alone. exp is cut at e^80, as TRL does.
Tensor divergence_score(const Tensor& log_ratio, Divergence divergence, double alpha);

// -(1-e) log s(x) - e log s(-x).
Tensor smoothed_log_loss(const Tensor& x, double smoothing);

// The loss of each pair for every type but exo_pair, sft and the sorted ones.
Tensor pair_term(PairLoss loss, const PairTerms& terms, const PreferenceOptions& options);

// exo_pair; target [P]: the probability of the chosen side that it is drawn to, in (0, 1).
Tensor exo_term(const PairTerms& terms, const Tensor& target, double beta);

}  // namespace attune::engine::objectives
