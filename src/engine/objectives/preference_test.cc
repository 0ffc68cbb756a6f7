#include "engine/objectives/preference.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "engine/objectives/plain_pairs.h"
#include "engine/tensor/gradient_check.h"

namespace attune::engine::objectives {
namespace {

using engine::testing::gradient_error;
using engine::testing::gradients;
using testing::plain_pair_loss;
using testing::PlainPair;

constexpr double kLn2 = std::numbers::ln2;

const std::vector<PairLoss> kOfOnePair = {
    PairLoss::kSigmoid,  PairLoss::kHinge,   PairLoss::kIpo,      PairLoss::kExoPair,
    PairLoss::kNcaPair,  PairLoss::kRobust,  PairLoss::kBcoPair,  PairLoss::kSppoHard,
    PairLoss::kApoZero,  PairLoss::kApoDown, PairLoss::kDiscopop, PairLoss::kSigmoidNorm};

Tensor row(const std::vector<double>& values) { return at::tensor(values, at::kDouble); }

PreferencePairs pairs_of(const std::vector<PlainPair>& plain) {
  std::vector<double> columns[6];
  for (const PlainPair& p : plain) {
    const double values[] = {p.policy_chosen,      p.policy_rejected, p.reference_chosen,
                             p.reference_rejected, p.chosen_tokens,   p.rejected_tokens};
    for (size_t i = 0; i < 6; ++i) columns[i].push_back(values[i]);
  }
  PreferencePairs pairs;
  pairs.chosen = {row(columns[0]), row(columns[2]), row(columns[4]), {}, {}};
  pairs.rejected = {row(columns[1]), row(columns[3]), row(columns[5]), {}, {}};
  return pairs;
}

double value_of(PairLoss loss, const std::vector<PlainPair>& plain, PreferenceOptions options) {
  options.losses = {{loss, 1}};
  return at::sum(preference_losses(pairs_of(plain), options)).item<double>();
}

// Ragged pairs; `spread` is that of a log-prob.
std::vector<PlainPair> random_pairs(int64_t count, double spread = 4) {
  const Tensor noise = at::randn({count, 4}, at::kDouble) * spread;
  const Tensor tokens = at::randint(1, 30, {count, 2}, at::kLong);
  std::vector<PlainPair> pairs;
  for (int64_t i = 0; i < count; ++i) {
    const auto at = [&](int64_t j) { return noise[i][j].item<double>() - 20; };
    pairs.push_back({at(0), at(1), at(2), at(3), tokens[i][0].item<double>(),
                     tokens[i][1].item<double>()});
  }
  return pairs;
}

// losses.md §18.2: a 2, b -1.5, D 3.5.
const std::vector<PlainPair> kLiteral = {{-42, -40.5, -44, -39, 20, 15}};

TEST(PreferenceLoss, LiteralValues) {
  const PreferenceOptions plain;
  PreferenceOptions smooth, sums, exo;
  smooth.label_smoothing = 0.1;
  sums.ipo_length = IpoLength::kSum;
  exo.label_smoothing = 1e-3;
  const auto expect = [](PairLoss loss, const PreferenceOptions& options, double value) {
    EXPECT_NEAR(value_of(loss, kLiteral, options), value, 5e-7) << to_string(loss);
  };
  expect(PairLoss::kSigmoid, plain, 0.533382);
  expect(PairLoss::kSigmoid, smooth, 0.568382);
  expect(PairLoss::kSigmoidNorm, plain, 0.683197);
  expect(PairLoss::kHinge, plain, 0.65);
  expect(PairLoss::kIpo, sums, 2.25);
  expect(PairLoss::kIpo, plain, 23.04);
  expect(PairLoss::kExoPair, exo, 2.178066);
  expect(PairLoss::kNcaPair, plain, 1.307687);
  expect(PairLoss::kRobust, smooth, 0.489632);
  expect(PairLoss::kBcoPair, plain, 1.219096);
  expect(PairLoss::kSppoHard, plain, 21.25);
  expect(PairLoss::kApoZero, plain, 0.912736);
  expect(PairLoss::kApoDown, plain, 0.963216);
  expect(PairLoss::kDiscopop, plain, 0.704532);
  expect(PairLoss::kAot, plain, 0.533382);
  expect(PairLoss::kAotUnpaired, plain, 0.533382);
}

TEST(PreferenceLoss, LiteralDivergences) {
  const std::vector<std::pair<Divergence, double>> values = {{Divergence::kForwardKl, 0.499259},
                                                             {Divergence::kJs, 0.617518},
                                                             {Divergence::kAlpha, 0.533455}};
  for (const auto& [divergence, value] : values) {
    PreferenceOptions options;
    options.divergence = divergence;
    EXPECT_NEAR(value_of(PairLoss::kSigmoid, kLiteral, options), value, 5e-7);
  }
  PreferenceOptions limit;  // alpha 1 is reverse KL
  limit.divergence = Divergence::kAlpha;
  limit.divergence_alpha = 1;
  EXPECT_NEAR(value_of(PairLoss::kSigmoid, kLiteral, limit), 0.533382, 5e-7);
}

// losses.md §18.3: the vectors of torchtune's DPO tests; D = 0, 10, 20.
TEST(PreferenceLoss, TorchtuneVectors) {
  const std::vector<PlainPair> pairs = {{-0.5, -0.1, -0.5, -0.1, 1, 1},
                                        {-10, -30, -10.1, -20.1, 1, 1},
                                        {-1, -21, -0.1, -0.1, 1, 1}};
  const auto expect = [&](PairLoss loss, double smoothing, const std::vector<double>& values) {
    PreferenceOptions options;
    options.losses = {{loss, 1}};
    options.label_smoothing = smoothing;
    options.ipo_length = IpoLength::kSum;
    const Tensor got = preference_losses(pairs_of(pairs), options);
    EXPECT_TRUE(at::allclose(got, row(values), 0, 1e-6)) << to_string(loss) << got;
  };
  expect(PairLoss::kSigmoid, 0, {0.693147, 0.313262, 0.126928});
  expect(PairLoss::kHinge, 0, {1, 0, 0});
  expect(PairLoss::kIpo, 0, {25, 25, 225});
  expect(PairLoss::kBcoPair, 0, {1.386294, 1.004121, 0.855775});
  expect(PairLoss::kRobust, 0.1, {0.693147, 0.188262, -0.123072});
  expect(PairLoss::kSigmoid, 0.1, {0.693147, 0.413262, 0.326928});
}

// losses.md §17: what every data set gives while the policy is still the reference.
TEST(PreferenceLoss, ClosedFormsAtStepZero) {
  std::vector<PlainPair> pairs = random_pairs(3);
  for (PlainPair& p : pairs) {
    p.reference_chosen = p.policy_chosen;
    p.reference_rejected = p.policy_rejected;
  }
  const auto expect = [&](PairLoss loss, double smoothing, double value, double beta = 0.1) {
    for (const Divergence divergence : {Divergence::kReverseKl, Divergence::kForwardKl,
                                        Divergence::kJs, Divergence::kAlpha}) {
      PreferenceOptions options;
      options.losses = {{loss, 1}};
      options.label_smoothing = smoothing;
      options.beta = beta;
      options.divergence = divergence;
      const Tensor got = preference_losses(pairs_of(pairs), options);
      EXPECT_TRUE(at::allclose(got, at::full_like(got, value), 0, 5e-7)) << to_string(loss) << got;
    }
  };
  expect(PairLoss::kSigmoid, 0, kLn2);
  expect(PairLoss::kSigmoid, 0.1, kLn2);
  expect(PairLoss::kSigmoid, 0.3, kLn2, 0.5);
  expect(PairLoss::kRobust, 0.1, kLn2);
  expect(PairLoss::kAot, 0.1, kLn2);
  expect(PairLoss::kAotUnpaired, 0, kLn2);
  expect(PairLoss::kSigmoidNorm, 0, kLn2);
  expect(PairLoss::kHinge, 0, 1);
  expect(PairLoss::kIpo, 0, 25);
  expect(PairLoss::kIpo, 0, 1, 0.5);
  expect(PairLoss::kExoPair, 1e-3, 2.761231);
  expect(PairLoss::kExoPair, 0.1, 0.510826);
  expect(PairLoss::kNcaPair, 0, 2 * kLn2);
  expect(PairLoss::kBcoPair, 0, 2 * kLn2);
  expect(PairLoss::kSppoHard, 0, 50);
  expect(PairLoss::kApoZero, 0, 1);
  expect(PairLoss::kApoDown, 0, 1);
  expect(PairLoss::kDiscopop, 0, kLn2 / 2 + 0.5);
  expect(PairLoss::kDiscopop, 0, 0.846574, 0.7);
}

TEST(PreferenceLoss, EqualsThePlainReference) {
  const std::vector<PlainPair> pairs = random_pairs(9, 0.8);
  for (const Divergence divergence : {Divergence::kReverseKl, Divergence::kForwardKl,
                                      Divergence::kJs, Divergence::kAlpha}) {
    for (const PairLoss loss : kOfOnePair) {
      PreferenceOptions options;
      options.losses = {{loss, 1}};
      options.beta = 0.9;
      options.label_smoothing = 0.13;
      options.divergence = divergence;
      options.divergence_alpha = 0.7;
      if (!check_preference_options(options).ok()) continue;
      const Tensor got = preference_losses(pairs_of(pairs), options);
      for (size_t i = 0; i < pairs.size(); ++i) {
        const double want = plain_pair_loss(loss, pairs[i], options);
        EXPECT_NEAR(got[static_cast<int64_t>(i)].item<double>(), want,
                    1e-9 * std::max(1.0, std::abs(want)))
            << to_string(loss) << " " << to_string(divergence);
      }
    }
  }
}

TEST(PreferenceLoss, SingleAndDoublePrecisionAgree) {
  const PreferencePairs wide = pairs_of(random_pairs(20));
  PreferencePairs narrow = wide;
  for (SideLogProbs* side : {&narrow.chosen, &narrow.rejected}) {
    side->policy = side->policy.to(at::kFloat);
    side->reference = side->reference.to(at::kFloat);
    side->tokens = side->tokens.to(at::kLong);
  }
  for (const PairLoss loss : kOfOnePair) {
    PreferenceOptions options;
    options.losses = {{loss, 1}};
    options.label_smoothing = 0.1;
    const Tensor got = preference_losses(narrow, options);
    EXPECT_EQ(got.scalar_type(), at::kFloat);
    EXPECT_LT(engine::testing::relative_difference(got, preference_losses(wide, options)), 2e-5)
        << to_string(loss);
  }
}

// d loss / d policy(chosen) of DPO is -beta s(-beta D).
TEST(PreferenceLoss, GradientOfDpoIsItsClosedForm) {
  const PreferencePairs pairs = pairs_of(random_pairs(5));
  const PreferenceOptions options;
  const std::vector<Tensor> got = gradients(
      [&](const std::vector<Tensor>& x) {
        PreferencePairs moved = pairs;
        moved.chosen.policy = x[0];
        moved.rejected.policy = x[1];
        return at::sum(preference_losses(moved, options));
      },
      {pairs.chosen.policy, pairs.rejected.policy});
  const Tensor difference = pairs.chosen.policy - pairs.chosen.reference - pairs.rejected.policy +
                            pairs.rejected.reference;
  const Tensor want = -0.1 * at::sigmoid(-0.1 * difference);
  EXPECT_TRUE(at::allclose(got[0], want, 1e-12, 1e-14));
  EXPECT_TRUE(at::allclose(got[1], -want, 1e-12, 1e-14));
}

TEST(PreferenceLoss, GradientsEqualDifferences) {
  const PreferencePairs pairs = pairs_of(random_pairs(6));
  std::vector<PairLoss> losses = kOfOnePair;
  losses.push_back(PairLoss::kSft);
  losses.push_back(PairLoss::kAot);
  for (const PairLoss loss : losses) {
    PreferenceOptions options;
    options.losses = {{loss, 0.7}};
    options.label_smoothing = 0.1;
    const double error = gradient_error(
        [&](const std::vector<Tensor>& x) {
          PreferencePairs moved = pairs;
          moved.chosen.policy = x[0];
          moved.rejected.policy = loss == PairLoss::kSft ? x[1].detach() : x[1];
          moved.chosen_tokens_per_pair = 12.5;
          // sft does not look at the rejected side: keep it in the graph.
          return at::sum(preference_losses(moved, options)) + 0.1 * at::sum(x[1]);
        },
        {pairs.chosen.policy, pairs.rejected.policy}, 1e-5);
    EXPECT_LT(error, 1e-6) << to_string(loss);
  }
}

// cDPO is stationary where s(beta D) = 1 - e; its loss there is the entropy of e.
TEST(PreferenceLoss, ConservativeDpoRestsAtTheFlipRate) {
  PreferenceOptions options;
  options.label_smoothing = 0.1;
  PreferencePairs pairs = pairs_of({{std::log(9.0) / 0.1, 0, 0, 0, 1, 1}});
  EXPECT_NEAR(preference_losses(pairs, options).item<double>(), 0.325083, 5e-7);
  const std::vector<Tensor> got = gradients(
      [&](const std::vector<Tensor>& x) {
        pairs.chosen.policy = x[0];
        return at::sum(preference_losses(pairs, options));
      },
      {pairs.chosen.policy});
  EXPECT_NEAR(got[0].item<double>(), 0, 1e-15);
}

TEST(PreferenceLoss, RobustTendsToSigmoid) {
  const std::vector<PlainPair> pairs = random_pairs(4);
  PreferenceOptions options;
  options.label_smoothing = 1e-9;
  EXPECT_NEAR(value_of(PairLoss::kRobust, pairs, options),
              value_of(PairLoss::kSigmoid, pairs, {}), 1e-7);
}

// TRL 1.x's sigmoid does not look at label_smoothing.
TEST(PreferenceLoss, SmoothingOfSigmoidIsAConvention) {
  PreferenceOptions options;
  options.label_smoothing = 0.1;
  options.sigmoid_smoothing = SigmoidSmoothing::kIgnored;
  EXPECT_NEAR(value_of(PairLoss::kSigmoid, kLiteral, options), 0.533382, 5e-7);
}

TEST(PreferenceLoss, ExtremeRatiosStayFinite) {
  const std::vector<PlainPair> pairs = {{-3000, -1, -1, -3000, 9, 9}, {-1, -3000, -3000, -1, 9, 9}};
  for (const PairLoss loss : kOfOnePair) {
    if (loss == PairLoss::kDiscopop) continue;  // its own formula is e^-z
    PreferenceOptions options;
    options.losses = {{loss, 1}};
    options.label_smoothing = 0.1;
    const PreferencePairs wide = pairs_of(pairs);
    const std::vector<Tensor> got = gradients(
        [&](const std::vector<Tensor>& x) {
          PreferencePairs moved = wide;
          moved.chosen.policy = x[0];
          const Tensor losses = preference_losses(moved, options);
          EXPECT_TRUE(losses.isfinite().all().item<bool>()) << to_string(loss);
          return at::sum(losses);
        },
        {wide.chosen.policy.to(at::kFloat)});
    EXPECT_TRUE(got[0].isfinite().all().item<bool>()) << to_string(loss);
  }
}

}  // namespace
}  // namespace attune::engine::objectives
