#include "engine/objectives/ppo.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/tensor/gradient_check.h"

namespace attune::engine::objectives {
namespace {

using engine::testing::gradient_error;
using engine::testing::gradients;

Tensor row(const std::vector<double>& values) { return at::tensor(values, at::kDouble); }

// losses.md §18.7.
TEST(PolicyTerms, LiteralValues) {
  const PolicyTerms got = policy_terms(row({-0.9, -2.3, -0.2, -1.5}), row({-1, -2, -0.5, -1.5}),
                                       row({1, -0.5, 0.8, -1.2}), 0.2, 0.2);
  EXPECT_TRUE(at::allclose(got.ratio, row({1.105171, 0.740818, 1.349859, 1}), 0, 5e-7));
  EXPECT_TRUE(at::allclose(got.loss, row({-1.105171, 0.4, -0.96, 1.2}), 0, 5e-7));
  EXPECT_NEAR(got.loss.mean().item<double>(), -0.116293, 5e-7);
  EXPECT_NEAR(got.clipped.mean().item<double>(), 0.5, 1e-12);
  EXPECT_NEAR(got.approx_kl.mean().item<double>(), 0.02375, 1e-12);
  EXPECT_NEAR(got.k3.mean().item<double>(), 0.023962, 5e-7);

  const ValueTerms values = value_terms(row({0.9, 0.2, 0.5, 0.4}), row({0.5, 0.4, 0.6, 0.7}),
                                        row({1, 0.5, 0.1, 0.8}), 0.2);
  EXPECT_TRUE(at::allclose(values.loss * 2, row({0.09, 0.09, 0.16, 0.16}), 0, 1e-12));
  EXPECT_NEAR(values.loss.mean().item<double>(), 0.0625, 1e-12);
  EXPECT_NEAR(values.clipped.mean().item<double>(), 0.25, 1e-12);
  EXPECT_NEAR((got.loss.mean() + 0.1 * values.loss.mean()).item<double>(), -0.110043, 5e-7);
}

// losses.md §18.3: torchtune's vectors, by the max rule.
TEST(PolicyTerms, TorchtuneVectors) {
  const Tensor old = row({0.5, 0.8, 1.2}), one = row({1, 1, 1});
  for (const auto& [step, want] : {std::pair(1.0, -1.2), std::pair(0.1, -1.105171),
                                   std::pair(-1.0, -0.367879)}) {
    const PolicyTerms got = policy_terms(old + step, old, one, 0.2, 0.2);
    EXPECT_TRUE(at::allclose(got.loss, at::full_like(old, want), 0, 5e-7)) << got.loss;
    EXPECT_TRUE(at::allclose(got.ratio, at::full_like(old, std::exp(step))));
  }
}

// The first minibatch of the first inner epoch: the policy is the one that sampled.
TEST(PolicyTerms, FirstStepHasRatioOneAndTheVanillaGradient) {
  const Tensor log_probs = at::randn({6}, at::kDouble), advantages = at::randn({6}, at::kDouble);
  const PolicyTerms got = policy_terms(log_probs, log_probs, advantages, 0.2, 0.2);
  EXPECT_TRUE(got.ratio.equal(at::full_like(log_probs, 1)));
  EXPECT_TRUE(got.clipped.equal(at::full_like(log_probs, 0)));
  EXPECT_TRUE(got.approx_kl.equal(at::full_like(log_probs, 0)));
  EXPECT_TRUE(got.k3.equal(at::full_like(log_probs, 0)));
  EXPECT_TRUE(at::allclose(got.loss, -advantages));
  const std::vector<Tensor> gradient = gradients(
      [&](const std::vector<Tensor>& x) {
        return at::sum(policy_terms(x[0], log_probs, advantages, 0.2, 0.2).loss);
      },
      {log_probs});
  EXPECT_TRUE(at::allclose(gradient[0], -advantages));
}

TEST(PolicyTerms, EqualThePlainReferenceWithUnequalClips) {
  const Tensor old = at::randn({20}, at::kDouble);
  const Tensor now = old + at::randn({20}, at::kDouble) * 0.5;
  const Tensor advantages = at::randn({20}, at::kDouble);
  const PolicyTerms got = policy_terms(now, old, advantages, 0.1, 0.3);
  for (int64_t i = 0; i < 20; ++i) {
    const double rho = std::exp(now[i].item<double>() - old[i].item<double>());
    const double a = advantages[i].item<double>();
    const double plain = -a * rho, clipped = -a * std::min(std::max(rho, 0.9), 1.3);
    EXPECT_NEAR(got.loss[i].item<double>(), std::max(plain, clipped), 1e-12);
    EXPECT_EQ(got.clipped[i].item<double>(), clipped > plain ? 1 : 0);
  }
  const auto loss = [&](const std::vector<Tensor>& x) {
    return at::sum(policy_terms(x[0], old, advantages, 0.1, 0.3).loss);
  };
  EXPECT_LT(gradient_error(loss, {now}), 1e-7);
}

TEST(ValueTerms, EqualThePlainReference) {
  const Tensor old = at::randn({20}, at::kDouble);
  const Tensor now = old + at::randn({20}, at::kDouble) * 0.3;
  const Tensor returns = at::randn({20}, at::kDouble);
  const ValueTerms got = value_terms(now, old, returns, 0.2);
  for (int64_t i = 0; i < 20; ++i) {
    const double v = now[i].item<double>(), before = old[i].item<double>();
    const double r = returns[i].item<double>();
    const double near = before + std::min(std::max(v - before, -0.2), 0.2);
    const double plain = (v - r) * (v - r), clipped = (near - r) * (near - r);
    EXPECT_NEAR(got.loss[i].item<double>(), std::max(plain, clipped) / 2, 1e-12);
    EXPECT_EQ(got.clipped[i].item<double>(), clipped > plain ? 1 : 0);
  }
  const auto loss = [&](const std::vector<Tensor>& x) {
    return at::sum(value_terms(x[0], old, returns, 0.2).loss);
  };
  EXPECT_LT(gradient_error(loss, {now}), 1e-7);
}

}  // namespace
}  // namespace attune::engine::objectives
