#include "engine/objectives/advantages.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <cmath>

namespace attune::engine::objectives {
namespace {

Tensor row(const std::vector<double>& values) { return at::tensor(values, at::kDouble); }

// losses.md §18.6.
TEST(GeneralisedAdvantages, LiteralValues) {
  const Tensor rewards = row({-0.02, 0.01, -0.03, 0.96}), values = row({0.5, 0.4, 0.6, 0.7});
  const auto expect = [&](double gamma, double lambda, const Tensor& advantages,
                          const Tensor& returns) {
    const Advantages got = generalised_advantages(rewards, values, Spans({4}), gamma, lambda);
    EXPECT_TRUE(at::allclose(got.advantages, advantages, 0, 5e-8)) << got.advantages;
    EXPECT_TRUE(at::allclose(got.returns, returns, 0, 5e-8)) << got.returns;
  };
  expect(1, 0.95, row({0.3655925, 0.51115, 0.317, 0.26}), row({0.8655925, 0.91115, 0.917, 0.96}));
  expect(1, 1, row({0.42, 0.54, 0.33, 0.26}), row({0.92, 0.94, 0.93, 0.96}));
  expect(0.9, 0.95, row({0.1307569, 0.3400665, 0.2223, 0.26}),
         row({0.6307569, 0.7400665, 0.8223, 0.96}));
  const Advantages torchtune =
      generalised_advantages(row({0, 0, 0, 1}), row({0, 0, 0, 1}), Spans({4}), 0.9, 0.95);
  EXPECT_TRUE(at::allclose(torchtune.returns, row({0.6579225, 0.7695, 0.9, 1.0}), 0, 5e-8));
}

// The definition as a double sum: A_t = sum_k (gamma lambda)^k d_{t+k}, by sequence.
TEST(GeneralisedAdvantages, OfRaggedSequencesEqualTheDefinition) {
  const std::vector<int64_t> lengths = {3, 1, 0, 6};
  const Spans spans(lengths);
  const Tensor rewards = at::randn({10}, at::kDouble), values = at::randn({10}, at::kDouble);
  const double gamma = 0.93, lambda = 0.8;
  const Advantages got = generalised_advantages(rewards, values, spans, gamma, lambda);
  for (int64_t s = 0; s < spans.count(); ++s) {
    const int64_t end = spans.begin(s) + spans.length(s);
    for (int64_t t = spans.begin(s); t < end; ++t) {
      double want = 0, plain_return = 0;
      for (int64_t i = t; i < end; ++i) {
        const double next = i + 1 < end ? values[i + 1].item<double>() : 0;
        const double surprise = rewards[i].item<double>() + gamma * next - values[i].item<double>();
        want += std::pow(gamma * lambda, static_cast<double>(i - t)) * surprise;
        plain_return += std::pow(gamma, static_cast<double>(i - t)) * rewards[i].item<double>();
      }
      EXPECT_NEAR(got.advantages[t].item<double>(), want, 1e-12);
      EXPECT_NEAR(got.returns[t].item<double>(), want + values[t].item<double>(), 1e-12);
      EXPECT_NEAR(discounted_returns(rewards, spans, gamma)[t].item<double>(), plain_return, 1e-12);
    }
  }
  const Advantages narrow = generalised_advantages(rewards.to(at::kFloat), values.to(at::kFloat),
                                                   spans, gamma, lambda);
  EXPECT_EQ(narrow.returns.scalar_type(), at::kFloat);
  EXPECT_TRUE(at::allclose(narrow.advantages.to(at::kDouble), got.advantages, 1e-5, 1e-6));
}

// REINFORCE++: score at the end minus beta times the KL still to come.
TEST(DiscountedReturns, AreTheScoreMinusTheRestOfTheKl) {
  const Tensor rewards = row({-0.1 * 1, -0.1 * 2, -0.1 * 3 + 5});
  EXPECT_TRUE(at::allclose(discounted_returns(rewards, Spans({3}), 1),
                           row({5 - 0.6, 5 - 0.5, 5 - 0.3}), 1e-12));
}

// losses.md §18.5 (article N) and §18.6.
TEST(Whitening, LiteralValues) {
  const Tensor x = row({1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2.0});
  const auto expect = [&](bool unbiased, bool keep_mean, const Tensor& want) {
    const Tensor got = whiten(x, moments(x), {.unbiased = unbiased, .keep_mean = keep_mean});
    EXPECT_TRUE(at::allclose(got, want, 0, 1e-6)) << got;
  };
  EXPECT_NEAR(moments(x).variance(false), 0.0666667, 5e-8);
  EXPECT_NEAR(moments(x).variance(true), 0.075, 1e-12);
  expect(
      false, true,
      row({0.050807, 0.438105, 0.825403, 1.212702, 1.6, 1.987298, 2.374597, 2.761895, 3.149193}));
  expect(
      false, false,
      row({-1.549193, -1.161895, -0.774597, -0.387298, 0, 0.387298, 0.774597, 1.161895, 1.549193}));
  expect(
      true, true,
      row({0.139407, 0.504555, 0.869703, 1.234852, 1.6, 1.965148, 2.330297, 2.695445, 3.060593}));
  expect(
      true, false,
      row({-1.460593, -1.095445, -0.730297, -0.365148, 0, 0.365148, 0.730297, 1.095445, 1.460593}));

  const Tensor advantages = row({0.3655925, 0.51115, 0.317, 0.26});
  EXPECT_TRUE(at::allclose(whiten(advantages, moments(advantages), {.unbiased = false}),
                           row({0.023164, 1.586415, -0.498707, -1.110872}), 0, 1e-6));
  EXPECT_TRUE(at::allclose(whiten(advantages, moments(advantages), {.unbiased = true}),
                           row({0.020061, 1.373876, -0.431893, -0.962044}), 0, 1e-6));
}

TEST(Whitening, MomentsOfPartsAreThoseOfTheWhole) {
  const Tensor x = at::randn({11}, at::kDouble) * 3 + 100;
  const Moments whole = moments(x);
  Moments merged;
  for (const auto& [begin, end] : {std::pair(0, 4), std::pair(4, 4), std::pair(4, 11)}) {
    merged.merge(moments(x.slice(0, begin, end)));
  }
  EXPECT_EQ(merged.count, 11);
  EXPECT_NEAR(merged.mean, whole.mean, 1e-12 * 100);
  EXPECT_NEAR(merged.variance(true), whole.variance(true), 1e-10);
  EXPECT_NEAR(whole.variance(true), x.var(true).item<double>(), 1e-12);
}

TEST(Whitening, OfEqualValuesIsZero) {
  const Tensor same = row({2, 2, 2});
  EXPECT_TRUE(whiten(same, moments(same), {}).equal(row({0, 0, 0})));
  EXPECT_TRUE(whiten(row({5}), moments(row({5})), {}).equal(row({0})));
}

}  // namespace
}  // namespace attune::engine::objectives
