#include "engine/ops/forgetful_mask.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/ops/attention_segments.h"
#include "engine/tensor/gradient_check.h"

namespace attune::engine::ops {
namespace {

using testing::gradients;
using testing::relative_difference;

PackedLayout roots(std::vector<int64_t> lengths) {
  PackedLayout layout;
  for (int64_t length : lengths) layout.add_root(length);
  return layout;
}

TEST(ForgetfulMask, HidesTheShareAndNeverKeyZero) {
  const PackedLayout layout = roots({1, 300});
  const auto masks = forgetful_masks(layout, {.low = 0.2, .high = 0.2}, 7);
  ASSERT_EQ(masks.size(), 2U);
  EXPECT_FALSE(masks[0].any().item<bool>());
  EXPECT_FALSE(masks[1].select(1, 0).any().item<bool>());
  // 300 * 299 / 2 pairs may be hidden: five standard deviations around a fifth of them.
  const double pairs = 299.0 * 300.0 / 2;
  const auto hidden = masks[1].sum().item<double>();
  EXPECT_NEAR(hidden / pairs, 0.2, 5 * std::sqrt(0.2 * 0.8 / pairs));
  EXPECT_TRUE(masks[1].diagonal().any().item<bool>());  // a token's own key is one of them
}

TEST(ForgetfulMask, EverySequenceDrawsItsOwnShare) {
  const auto masks = forgetful_masks(roots({200, 200, 200}), {.low = 0.0, .high = 0.5}, 3);
  const double pairs = 199.0 * 200.0 / 2;
  std::vector<double> shares;
  for (const Tensor& mask : masks) shares.push_back(mask.sum().item<double>() / pairs);
  for (double share : shares) {
    EXPECT_GE(share, 0.0);
    EXPECT_LT(share, 0.52);
  }
  EXPECT_GT(std::abs(shares[0] - shares[1]), 0.02);
  EXPECT_GT(std::abs(shares[1] - shares[2]), 0.02);
}

TEST(ForgetfulMask, IsAPureFunctionOfTheSeed) {
  const PackedLayout layout = roots({40});
  const ForgetfulShare share{.low = 0.1, .high = 0.3};
  EXPECT_TRUE(
      at::equal(forgetful_masks(layout, share, 5)[0], forgetful_masks(layout, share, 5)[0]));
  EXPECT_FALSE(
      at::equal(forgetful_masks(layout, share, 5)[0], forgetful_masks(layout, share, 6)[0]));
}

// One head after the other by hand, in double precision.
Tensor plain(const std::vector<Tensor>& x, const PackedLayout& layout,
             const std::vector<Tensor>& hidden) {
  std::vector<Tensor> outputs;
  for (int64_t s = 0; s < layout.segment_count(); ++s) {
    const Segment& own = layout.segment(s);
    const Tensor steps = at::arange(own.length);
    const Tensor unseen =
        (steps.unsqueeze(1) < steps.unsqueeze(0)).logical_or(hidden[static_cast<size_t>(s)]);
    std::vector<Tensor> heads;
    for (int64_t h = 0; h < x[0].size(1); ++h) {
      const int64_t shared = h / (x[0].size(1) / x[1].size(1));
      const Tensor q = x[0].narrow(0, own.begin, own.length).select(1, h);
      const Tensor k = x[1].narrow(0, own.begin, own.length).select(1, shared);
      const Tensor v = x[2].narrow(0, own.begin, own.length).select(1, shared);
      const Tensor scores = at::matmul(q, k.t()) / std::sqrt(static_cast<double>(q.size(1)));
      const double none = -std::numeric_limits<double>::infinity();
      heads.push_back(at::matmul(at::softmax(scores.masked_fill(unseen, none), -1), v));
    }
    outputs.push_back(at::stack(heads, 1));
  }
  return at::cat(outputs);
}

TEST(ForgetfulMask, AttentionAndGradientsEqualThePlainOnes) {
  const PackedLayout layout = roots({9, 1, 23});
  const auto hidden = forgetful_masks(layout, {.low = 0.3, .high = 0.3}, 11);
  const Tensor q = at::randn({33, 4, 16}), k = at::randn({33, 2, 16}), v = at::randn({33, 2, 16});
  const Tensor outer = at::randn({33, 4, 16});
  const auto ours = [&](const std::vector<Tensor>& x) {
    return (tree_attention_hiding(x[0], x[1], x[2], layout, {}, hidden) * outer).sum();
  };
  const auto by_hand = [&](const std::vector<Tensor>& x) {
    return (plain(x, layout, hidden) * outer.to(at::kDouble)).sum();
  };
  const std::vector<Tensor> wide = {q.to(at::kDouble), k.to(at::kDouble), v.to(at::kDouble)};
  EXPECT_LT(relative_difference(tree_attention_hiding(q, k, v, layout, {}, hidden),
                                plain(wide, layout, hidden)),
            1e-5);
  EXPECT_GT(relative_difference(tree_attention_by_segment(q, k, v, layout, {}),
                                plain(wide, layout, hidden)),
            1e-2);
  const auto wanted = gradients(by_hand, wide);
  const auto found = gradients(ours, {q, k, v});
  for (size_t i = 0; i < 3; ++i) EXPECT_LT(relative_difference(found[i], wanted[i]), 1e-5) << i;
}

}  // namespace
}  // namespace attune::engine::ops
