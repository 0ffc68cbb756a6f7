#include "engine/objectives/preference.h"

#include <ATen/ops/exp.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/zeros_like.h>

#include "base/check.h"
#include "engine/objectives/preference_terms.h"

namespace attune::engine::objectives {
namespace {

// Log-probs of one side as the formulas take them: sums, with LD-DPO's weight on the tail.
struct Effective {
  Tensor policy, reference;
};

Tensor desensitised(const Tensor& sum, const Tensor& shared, const std::optional<double>& alpha) {
  if (!alpha) return sum;
  CHECK(shared.defined(), "ld_alpha needs the sums over the shared length");
  return shared + *alpha * (sum - shared);
}

Effective effective(const SideLogProbs& side, const PreferenceOptions& options) {
  const Tensor policy = desensitised(side.policy, side.policy_shared, options.ld_alpha);
  if (!side.reference.defined()) return {policy, at::zeros_like(side.policy)};
  return {policy,
          desensitised(side.reference, side.reference_shared, options.ld_alpha).detach()};
}

Tensor tokens_like(const Tensor& tokens, const Tensor& ratio) {
  return tokens.defined() ? tokens.to(ratio.options()) : tokens;
}

PairTerms terms_of(const Effective& chosen, const Effective& rejected,
                   const PreferencePairs& pairs, const PreferenceOptions& options) {
  PairTerms terms;
  terms.chosen_ratio = chosen.policy - chosen.reference;
  terms.rejected_ratio = rejected.policy - rejected.reference;
  terms.chosen_score =
      divergence_score(terms.chosen_ratio, options.divergence, options.divergence_alpha);
  terms.rejected_score =
      divergence_score(terms.rejected_ratio, options.divergence, options.divergence_alpha);
  terms.chosen_tokens = tokens_like(pairs.chosen.tokens, terms.chosen_ratio);
  terms.rejected_tokens = tokens_like(pairs.rejected.tokens, terms.rejected_ratio);
  return terms;
}

SortedPartners partners_of(const Effective& chosen, const Effective& rejected,
                           const PreferencePairs& pairs) {
  if (pairs.partners.defined()) return pairs.partners;
  return sorted_partners(chosen.policy, rejected.policy, chosen.reference, rejected.reference);
}

Tensor aot(const Tensor& difference, const PreferenceOptions& options) {
  return smoothed_log_loss(options.beta * difference, options.label_smoothing);
}

Tensor aot_unpaired(const PairTerms& terms, const SortedPartners& partners,
                    const PreferenceOptions& options) {
  const Tensor of_chosen = aot(terms.chosen_ratio - partners.rejected_ratio, options);
  // Its value was counted by the pair that has the chosen side; what is left is its gradient.
  const Tensor of_rejected = aot(partners.chosen_ratio - terms.rejected_ratio, options);
  return of_chosen + (of_rejected - of_rejected.detach());
}

// A loss of the pair alone under a soft label: the expectation over which side is preferred.
Tensor expected_term(PairLoss loss, const PairTerms& terms, const PreferencePairs& pairs,
                     const PreferenceOptions& options) {
  const bool soft = pairs.chosen_probability.defined();
  const Tensor p = soft ? pairs.chosen_probability.to(terms.chosen_ratio.options()) : Tensor();
  if (loss == PairLoss::kExoPair) {
    const double e = options.label_smoothing;
    const Tensor target = soft ? p * (1 - 2 * e) + e : at::full_like(terms.chosen_ratio, 1 - e);
    return exo_term(terms, target.detach(), options.beta);
  }
  const Tensor as_labelled = pair_term(loss, terms, options);
  if (!soft) return as_labelled;
  return p * as_labelled + (1 - p) * pair_term(loss, terms.swapped(), options);
}

Tensor sft(const PreferencePairs& pairs) {
  CHECK(pairs.chosen_tokens_per_pair > 0, "the sft loss needs chosen_tokens_per_pair of the step");
  return pairs.chosen.policy / -pairs.chosen_tokens_per_pair;
}

}  // namespace

Tensor preference_losses(const PreferencePairs& pairs, const PreferenceOptions& options) {
  const Effective chosen = effective(pairs.chosen, options);
  const Effective rejected = effective(pairs.rejected, options);
  const PairTerms terms = terms_of(chosen, rejected, pairs, options);
  Tensor total;
  for (const WeightedPairLoss& weighted : options.losses) {
    Tensor loss;
    if (weighted.loss == PairLoss::kSft) {
      loss = sft(pairs);
    } else if (weighted.loss == PairLoss::kAot) {
      loss = aot(chosen.policy - rejected.policy -
                     partners_of(chosen, rejected, pairs).reference_difference,
                 options);
    } else if (weighted.loss == PairLoss::kAotUnpaired) {
      loss = aot_unpaired(terms, partners_of(chosen, rejected, pairs), options);
    } else {
      loss = expected_term(weighted.loss, terms, pairs, options);
    }
    loss = weighted.weight * loss;
    total = total.defined() ? total + loss : loss;
  }
  return pairs.weights.defined() ? total * pairs.weights.detach().to(total.options()) : total;
}

SortedPartners partners_of_step(const PreferencePairs& step, const PreferenceOptions& options) {
  const Effective chosen = effective(step.chosen, options);
  const Effective rejected = effective(step.rejected, options);
  return sorted_partners(chosen.policy, rejected.policy, chosen.reference, rejected.reference);
}

PairRewards pair_rewards(const Tensor& chosen, const Tensor& rejected) {
  const Tensor fixed_chosen = chosen.detach(), fixed_rejected = rejected.detach();
  return {fixed_chosen, fixed_rejected, (fixed_chosen > fixed_rejected).to(chosen.scalar_type()),
          fixed_chosen - fixed_rejected};
}

PairRewards preference_rewards(const PreferencePairs& pairs, const PreferenceOptions& options) {
  const Effective chosen = effective(pairs.chosen, options);
  const Effective rejected = effective(pairs.rejected, options);
  return pair_rewards(options.beta * (chosen.policy - chosen.reference),
                      options.beta * (rejected.policy - rejected.reference));
}

Tensor wpo_weights(const Tensor& chosen_mean, const Tensor& rejected_mean) {
  return at::exp(chosen_mean.detach() + rejected_mean.detach());
}

}  // namespace attune::engine::objectives
