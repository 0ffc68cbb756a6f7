// What changes the losses on pairs beside their type: soft labels, weights, LD-DPO, sums of types,
// a missing reference, and a step cut into passes.
#include "engine/objectives/preference.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "engine/objectives/plain_pairs.h"
#include "engine/objectives/stable_log.h"
#include "engine/tensor/gradient_check.h"

namespace attune::engine::objectives {
namespace {

using engine::testing::gradients;
using testing::plain_sorted_loss;
using testing::PlainPair;

Tensor noise(int64_t count) { return at::randn({count}, at::kDouble) * 3 - 20; }

PreferencePairs random_pairs(int64_t count) {
  PreferencePairs pairs;
  for (SideLogProbs* side : {&pairs.chosen, &pairs.rejected}) {
    side->policy = noise(count);
    side->reference = noise(count);
    side->tokens = at::randint(1, 30, {count}, at::kLong);
    side->policy_shared = side->policy * 0.6;
    side->reference_shared = side->reference * 0.7;
  }
  pairs.chosen_tokens_per_pair = pairs.chosen.tokens.to(at::kDouble).mean().item<double>();
  return pairs;
}

PreferenceOptions with(PairLoss loss) {
  PreferenceOptions options;
  options.losses = {{loss, 1}};
  options.label_smoothing = 0.1;
  return options;
}

PreferencePairs swapped(PreferencePairs pairs) {
  std::swap(pairs.chosen, pairs.rejected);
  return pairs;
}

SideLogProbs side_rows(const SideLogProbs& side, const Tensor& rows) {
  const auto pick = [&](const Tensor& x) { return at::index_select(x, 0, rows); };
  return {pick(side.policy), pick(side.reference), pick(side.tokens), pick(side.policy_shared),
          pick(side.reference_shared)};
}

// losses.md §12: a pair preferred with probability p is p of one row and 1 - p of its swap.
TEST(SoftLabels, AreTheExpectationOfBothOrders) {
  PreferencePairs pairs = random_pairs(5);
  const Tensor p = at::tensor({0.0, 0.2, 0.5, 0.9, 1.0}, at::kDouble);
  for (const PairLoss loss :
       {PairLoss::kSigmoid, PairLoss::kHinge, PairLoss::kIpo, PairLoss::kNcaPair, PairLoss::kRobust,
        PairLoss::kBcoPair, PairLoss::kSppoHard, PairLoss::kApoZero, PairLoss::kApoDown,
        PairLoss::kDiscopop, PairLoss::kSigmoidNorm}) {
    pairs.chosen_probability = Tensor();
    const Tensor want = p * preference_losses(pairs, with(loss)) +
                        (1 - p) * preference_losses(swapped(pairs), with(loss));
    pairs.chosen_probability = p;
    EXPECT_TRUE(at::allclose(preference_losses(pairs, with(loss)), want, 1e-12))
        << to_string(loss);
  }
}

TEST(SoftLabels, AreExosTarget) {
  PreferencePairs pairs = random_pairs(3);
  pairs.chosen_probability = at::tensor({0.0, 0.3, 1.0}, at::kDouble);
  const Tensor got = preference_losses(pairs, with(PairLoss::kExoPair));
  const Tensor x = 0.1 * (pairs.chosen.policy - pairs.chosen.reference - pairs.rejected.policy +
                          pairs.rejected.reference);
  const double targets[] = {0.1, 0.3 * 0.8 + 0.1, 0.9};
  for (int64_t i = 0; i < 3; ++i) {
    const double q = testing::plain_sigmoid(x[i].item<double>());
    const double t = targets[i];
    EXPECT_NEAR(got[i].item<double>(), q * std::log(q / t) + (1 - q) * std::log((1 - q) / (1 - t)),
                1e-12);
  }
  pairs.chosen_probability = Tensor();
  EXPECT_NEAR(got[2].item<double>(),
              preference_losses(pairs, with(PairLoss::kExoPair))[2].item<double>(), 1e-12);
}

TEST(SoftLabels, ATieOfEqualSidesHasNoGradient) {
  PreferencePairs pairs = random_pairs(1);
  pairs.chosen_probability = at::tensor({0.5}, at::kDouble);
  pairs.rejected = pairs.chosen;
  const std::vector<Tensor> got = gradients(
      [&](const std::vector<Tensor>& x) {
        pairs.chosen.policy = x[0];
        return at::sum(preference_losses(pairs, {}));
      },
      {pairs.chosen.policy});
  EXPECT_NEAR(got[0].item<double>(), 0, 1e-15);
}

TEST(PreferenceWeights, MultiplyEachPair) {
  PreferencePairs pairs = random_pairs(4);
  const Tensor plain = preference_losses(pairs, with(PairLoss::kHinge));
  pairs.weights = wpo_weights(at::tensor({-0.1, -0.2, 0.0, -1.0}, at::kDouble),
                              at::tensor({-0.3, 0.0, 0.0, -0.5}, at::kDouble));
  const Tensor factor = at::tensor({-0.4, -0.2, 0.0, -1.5}, at::kDouble).exp();
  EXPECT_TRUE(
      at::allclose(preference_losses(pairs, with(PairLoss::kHinge)), plain * factor, 1e-12));
}

TEST(PreferenceTypes, AddUpByWeight) {
  const PreferencePairs pairs = random_pairs(4);
  PreferenceOptions mpo = with(PairLoss::kSigmoid);
  mpo.losses = weighted_pair_losses({"sigmoid", "bco_pair", "sft"}, {0.8, 0.2, 1}).value();
  const Tensor want = 0.8 * preference_losses(pairs, with(PairLoss::kSigmoid)) +
                      0.2 * preference_losses(pairs, with(PairLoss::kBcoPair)) +
                      preference_losses(pairs, with(PairLoss::kSft));
  EXPECT_TRUE(at::allclose(preference_losses(pairs, mpo), want, 1e-12));
}

// The sum over the step's pairs, divided by the pairs, is the mean over the step's chosen tokens.
TEST(PreferenceTypes, SftIsTheTokenMeanOfTheStep) {
  const PreferencePairs pairs = random_pairs(7);
  const double got =
      preference_losses(pairs, with(PairLoss::kSft)).mean().item<double>();
  EXPECT_NEAR(got,
              -pairs.chosen.policy.sum().item<double>() / pairs.chosen.tokens.sum().item<double>(),
              1e-12);
}

TEST(PreferenceReference, WithoutOneItIsZero) {
  PreferencePairs pairs = random_pairs(3);
  pairs.chosen.reference = at::zeros({3}, at::kDouble);
  pairs.rejected.reference = at::zeros({3}, at::kDouble);
  const Tensor want = preference_losses(pairs, with(PairLoss::kSigmoid));
  pairs.chosen.reference = pairs.rejected.reference = Tensor();
  EXPECT_TRUE(at::allclose(preference_losses(pairs, with(PairLoss::kSigmoid)), want));
}

TEST(LengthDesensitised, WeighsTheTail) {
  PreferencePairs pairs = random_pairs(4);
  PreferenceOptions options = with(PairLoss::kSigmoid);
  options.ld_alpha = 0.3;
  PreferencePairs by_hand = pairs;
  for (auto [side, out] : {std::pair(&pairs.chosen, &by_hand.chosen),
                           std::pair(&pairs.rejected, &by_hand.rejected)}) {
    out->policy = 0.7 * side->policy_shared + 0.3 * side->policy;
    out->reference = 0.7 * side->reference_shared + 0.3 * side->reference;
  }
  const Tensor want = preference_losses(by_hand, with(PairLoss::kSigmoid));
  EXPECT_TRUE(at::allclose(preference_losses(pairs, options), want, 1e-12));
  EXPECT_TRUE(at::allclose(preference_rewards(pairs, options).margin,
                           preference_rewards(by_hand, {}).margin, 1e-12));
  options.ld_alpha = 1;  // plain DPO
  EXPECT_TRUE(at::allclose(preference_losses(pairs, options),
                           preference_losses(pairs, with(PairLoss::kSigmoid)), 1e-12));
}

TEST(PreferenceRewards, AreTrlsMetrics) {
  PreferencePairs pairs;
  pairs.chosen = {at::tensor({-42.0, -5.0, -3.0}), at::tensor({-44.0, -4.0, -3.0}), {}, {}, {}};
  pairs.rejected = {at::tensor({-40.5, -9.0, -7.0}), at::tensor({-39.0, -9.0, -7.0}), {}, {}, {}};
  pairs.chosen.policy.set_requires_grad(true);
  const PairRewards rewards = preference_rewards(pairs, {});
  EXPECT_TRUE(at::allclose(rewards.chosen, at::tensor({0.2, -0.1, 0.0})));
  EXPECT_TRUE(at::allclose(rewards.rejected, at::tensor({-0.15, 0.0, 0.0})));
  EXPECT_TRUE(at::allclose(rewards.margin, at::tensor({0.35, -0.1, 0.0})));
  EXPECT_TRUE(rewards.accuracy.equal(at::tensor({1.0, 0.0, 0.0})));  // a tie is not right
  EXPECT_FALSE(rewards.chosen.requires_grad());
}

class SortedLosses : public ::testing::TestWithParam<PairLoss> {};

TEST_P(SortedLosses, EqualThePlainSort) {
  const PreferencePairs pairs = random_pairs(11);
  std::vector<PlainPair> plain;
  for (int64_t i = 0; i < 11; ++i) {
    plain.push_back({pairs.chosen.policy[i].item<double>(), pairs.rejected.policy[i].item<double>(),
                     pairs.chosen.reference[i].item<double>(),
                     pairs.rejected.reference[i].item<double>(), 1, 1});
  }
  const PreferenceOptions options = with(GetParam());
  EXPECT_NEAR(at::sum(preference_losses(pairs, options)).item<double>(),
              plain_sorted_loss(GetParam(), plain, options), 1e-10);
}

// Cut into passes of 4, 1 and 6 rows in another order: the same sum and the same gradients, which
// are those of the differentiable sort.
TEST_P(SortedLosses, PassesAddUpToTheStep) {
  const PreferencePairs step = random_pairs(11);
  const PreferenceOptions options = with(GetParam());
  const auto with_policy = [&](const std::vector<Tensor>& x) {
    PreferencePairs moved = step;
    moved.chosen.policy = x[0];
    moved.rejected.policy = x[1];
    return moved;
  };
  const auto in_passes = [&](const std::vector<Tensor>& x) {
    const PreferencePairs whole = with_policy(x);
    const SortedPartners partners = partners_of_step(whole, options);
    const Tensor order = at::tensor({7, 2, 9, 0, 5, 10, 1, 3, 4, 6, 8}, at::kLong);
    std::vector<Tensor> losses;
    for (const auto& [begin, end] : {std::pair(0, 4), std::pair(4, 5), std::pair(5, 11)}) {
      const Tensor rows = order.slice(0, begin, end);
      PreferencePairs part;
      part.chosen = side_rows(whole.chosen, rows);
      part.rejected = side_rows(whole.rejected, rows);
      part.partners = partners.at_rows(rows);
      losses.push_back(at::sum(preference_losses(part, options)));
    }
    return losses[0] + losses[1] + losses[2];
  };
  const auto uncut = [&](const std::vector<Tensor>& x) {
    return at::sum(preference_losses(with_policy(x), options));
  };
  const auto by_sort = [&](const std::vector<Tensor>& x) {
    const bool paired = GetParam() == PairLoss::kAot;
    const Tensor above = paired ? x[0] - x[1] : x[0] - step.chosen.reference;
    const Tensor below = paired ? step.chosen.reference - step.rejected.reference
                                : x[1] - step.rejected.reference;
    const Tensor d = 0.1 * (std::get<0>(above.sort(0)) - std::get<0>(below.sort(0)));
    return at::sum(-0.9 * log_sigmoid(d) - 0.1 * log_sigmoid(-d));
  };
  const std::vector<Tensor> inputs = {step.chosen.policy, step.rejected.policy};
  EXPECT_NEAR(in_passes(inputs).item<double>(), uncut(inputs).item<double>(), 1e-12);
  EXPECT_NEAR(by_sort(inputs).item<double>(), uncut(inputs).item<double>(), 1e-12);
  const auto want = gradients(by_sort, inputs);
  for (const auto& got : {gradients(in_passes, inputs), gradients(uncut, inputs)}) {
    EXPECT_TRUE(at::allclose(got[0], want[0], 1e-10, 1e-14));
    EXPECT_TRUE(at::allclose(got[1], want[1], 1e-10, 1e-14));
  }
}

INSTANTIATE_TEST_SUITE_P(Aot, SortedLosses,
                         ::testing::Values(PairLoss::kAot, PairLoss::kAotUnpaired));

}  // namespace
}  // namespace attune::engine::objectives
