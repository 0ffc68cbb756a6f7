#include "engine/objectives/reference_free.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "engine/objectives/stable_log.h"
#include "engine/tensor/gradient_check.h"

namespace attune::engine::objectives {
namespace {

using engine::testing::gradient_error;

Tensor row(const std::vector<double>& values) { return at::tensor(values, at::kDouble); }

// losses.md §18.2: lp -42 and -40.5 over 20 and 15 tokens: l -2.1 and -2.7.
CompletionPairs literal() {
  return {row({-42}), row({-40.5}), at::tensor({20}, at::kLong), at::tensor({15}, at::kLong)};
}

double loss_of(ReferenceFreeOptions options) {
  return reference_free_losses(literal(), options).item<double>();
}

ReferenceFreeOptions with(ReferenceFreeLoss loss, double beta = 0.1, double gamma = 0.5) {
  ReferenceFreeOptions options;
  options.loss = loss;
  options.beta = beta;
  options.simpo_gamma = gamma;
  return options;
}

TEST(ReferenceFreeLoss, LiteralValues) {
  const OddsLosses odds = odds_losses(literal(), 1);
  EXPECT_NEAR(odds.log_odds.item<double>(), 0.661058, 5e-7);
  EXPECT_NEAR(odds.loss.item<double>(), 0.416276, 5e-7);
  EXPECT_NEAR(odds.log_odds_ratio.item<double>(), -0.416276, 5e-7);
  EXPECT_NEAR(loss_of(with(ReferenceFreeLoss::kSigmoid)), 0.770957, 5e-7);
  EXPECT_NEAR(loss_of(with(ReferenceFreeLoss::kSimpo, 2, 0.5)), 0.403186, 5e-7);
  EXPECT_NEAR(loss_of(with(ReferenceFreeLoss::kSimpo, 2.5, 1.5)), 0.693147, 5e-7);
  EXPECT_NEAR(loss_of(with(ReferenceFreeLoss::kSlic)), 2.5, 5e-7);
}

// losses.md §18.3: torchtune's SimPO on the raw log-probs.
TEST(ReferenceFreeLoss, TorchtuneSimpo) {
  const Tensor one = at::tensor({1, 1, 1}, at::kLong);
  const CompletionPairs pairs{row({-0.5, -10, -1}), row({-0.1, -30, -21}), one, one};
  const Tensor got = reference_free_losses(pairs, with(ReferenceFreeLoss::kSimpo, 2, 0.5));
  EXPECT_NEAR(got[0].item<double>(), 1.541008, 5e-7);
  EXPECT_NEAR(got[1].item<double>(), 7e-18, 1e-18);
  EXPECT_NEAR(got[2].item<double>(), 7e-18, 1e-18);
}

TEST(ReferenceFreeLoss, ClosedFormsOfEqualSides) {
  CompletionPairs pairs = literal();
  pairs.rejected = pairs.chosen;
  pairs.rejected_tokens = pairs.chosen_tokens;
  const auto of = [&](const ReferenceFreeOptions& options) {
    return reference_free_losses(pairs, options).item<double>();
  };
  EXPECT_NEAR(odds_losses(pairs, 1).loss.item<double>(), std::numbers::ln2, 1e-12);
  EXPECT_NEAR(of(with(ReferenceFreeLoss::kSigmoid)), std::numbers::ln2, 1e-12);
  EXPECT_NEAR(of(with(ReferenceFreeLoss::kSimpo)), 0.974077, 5e-7);
  EXPECT_NEAR(of(with(ReferenceFreeLoss::kHinge)), 1, 1e-12);
  EXPECT_NEAR(of(with(ReferenceFreeLoss::kIpo)), 25, 1e-9);
}

TEST(ReferenceFreeLoss, EqualsThePlainReference) {
  const double chosen[] = {-3.2, -20.5, -1.1}, rejected[] = {-6.4, -8, -30};
  const double chosen_tokens[] = {4, 11, 2}, rejected_tokens[] = {3, 9, 15};
  const CompletionPairs pairs{row({-3.2, -20.5, -1.1}), row({-6.4, -8, -30}), row({4, 11, 2}),
                              row({3, 9, 15})};
  for (const double alpha : {0.0, 0.25, -0.3}) {
    for (const ReferenceFreeLoss loss :
         {ReferenceFreeLoss::kSigmoid, ReferenceFreeLoss::kHinge, ReferenceFreeLoss::kIpo,
          ReferenceFreeLoss::kSimpo, ReferenceFreeLoss::kSlic}) {
      ReferenceFreeOptions o = with(loss, 0.3, 0.7);
      o.label_smoothing = 0.1;
      o.alpha = alpha;
      const Tensor got = reference_free_losses(pairs, o);
      for (size_t i = 0; i < 3; ++i) {
        const bool mean = loss == ReferenceFreeLoss::kIpo || loss == ReferenceFreeLoss::kSimpo;
        double w = chosen[i] / (mean ? chosen_tokens[i] : 1);
        double l = rejected[i] / (mean ? rejected_tokens[i] : 1);
        if (alpha != 0) {
          w = (1 - std::pow(std::exp(w), -alpha)) / alpha;
          l = (1 - std::pow(std::exp(l), -alpha)) / alpha;
        }
        const double x = 0.3 * (w - l) - (loss == ReferenceFreeLoss::kSimpo ? 0.7 : 0);
        double want = 0.9 * std::log1p(std::exp(-x)) + 0.1 * std::log1p(std::exp(x));
        if (loss == ReferenceFreeLoss::kHinge) want = std::max(0.0, 1 - x);
        if (loss == ReferenceFreeLoss::kIpo) want = std::pow(w - l - 1 / 0.6, 2);
        if (loss == ReferenceFreeLoss::kSlic) want = std::max(0.0, 1 - w + l);
        EXPECT_NEAR(got[static_cast<int64_t>(i)].item<double>(), want, 1e-9 * std::max(1.0, want))
            << to_string(loss) << " alpha " << alpha;
      }
    }
  }
}

TEST(ReferenceFreeLoss, GradientsEqualDifferences) {
  const Tensor tokens = row({4, 11, 2});
  const std::vector<Tensor> inputs = {row({-3.2, -20.5, -1.1}), row({-6.4, -8, -0.05})};
  const auto check = [&](const auto& loss) {
    EXPECT_LT(gradient_error(
                  [&](const std::vector<Tensor>& x) {
                    return at::sum(loss(CompletionPairs{x[0], x[1], tokens, tokens}));
                  },
                  inputs),
              1e-6);
  };
  check([](const CompletionPairs& pairs) { return odds_losses(pairs, 0.7).loss; });
  for (const ReferenceFreeLoss loss :
       {ReferenceFreeLoss::kSigmoid, ReferenceFreeLoss::kIpo, ReferenceFreeLoss::kSimpo}) {
    for (const double alpha : {0.0, 0.25}) {
      check([&](const CompletionPairs& pairs) {
        ReferenceFreeOptions options = with(loss, 0.5);
        options.label_smoothing = 0.05;
        options.alpha = alpha;
        return reference_free_losses(pairs, options);
      });
    }
  }
}

TEST(ReferenceFreeRewards, AreTrls) {
  const PairRewards odds = odds_rewards(literal(), 0.1);
  EXPECT_NEAR(odds.chosen.item<double>(), -0.21, 1e-12);
  EXPECT_NEAR(odds.margin.item<double>(), 0.06, 1e-12);
  const PairRewards sums = reference_free_rewards(literal(), with(ReferenceFreeLoss::kSigmoid));
  EXPECT_NEAR(sums.rejected.item<double>(), -4.05, 1e-12);
  EXPECT_EQ(sums.accuracy.item<double>(), 0);
}

TEST(ReferenceFreeOptionsCheck, NamesWhatIsOutOfRange) {
  EXPECT_TRUE(check_reference_free_options({}).ok());
  ReferenceFreeOptions options;
  options.beta = -1;
  EXPECT_NE(check_reference_free_options(options).error().message().find("beta"),
            std::string::npos);
  options = {};
  options.label_smoothing = 0.7;
  EXPECT_FALSE(check_reference_free_options(options).ok());
  options = {};
  options.alpha = std::numeric_limits<double>::infinity();
  EXPECT_FALSE(check_reference_free_options(options).ok());
  for (const char* name : {"sigmoid", "hinge", "ipo", "simpo", "slic"}) {
    EXPECT_STREQ(to_string(parse_reference_free_loss(name).value()), name);
  }
  EXPECT_FALSE(parse_reference_free_loss("orpo").ok());
}

// log(1 - e^x) from certain to impossible, value and gradient -e^x / (1 - e^x).
TEST(StableLog, Log1mExp) {
  for (const double x : {-1e-6, -1e-3, -0.5, -0.6931, -0.6932, -2.0, -40.0, -800.0}) {
    Tensor at_x = row({x}).set_requires_grad(true);
    const Tensor got = log1m_exp(at_x);
    EXPECT_NEAR(got.item<double>(), std::log(-std::expm1(x)), 1e-12) << x;
    got.backward();
    const double want = std::exp(x) / std::expm1(x);
    EXPECT_NEAR(at_x.grad().item<double>(), want, 1e-9 * std::max(1.0, -want)) << x;
  }
  Tensor certain = at::tensor({0.0f, -0.0f, -1e-9f}).set_requires_grad(true);
  const Tensor got = log1m_exp(certain);
  EXPECT_TRUE(got.isfinite().all().item<bool>());
  at::sum(got).backward();
  EXPECT_TRUE(certain.grad().isfinite().all().item<bool>());
}

TEST(StableLog, LogSigmoidOfLargeInputs) {
  const Tensor got = log_sigmoid(at::tensor({-1000.0f, 0.0f, 1000.0f}));
  EXPECT_TRUE(at::allclose(got, at::tensor({-1000.0f, -0.693147f, 0.0f}), 1e-6, 1e-6));
}

}  // namespace
}  // namespace attune::engine::objectives
