#include "engine/ops/recompute.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/silu.h>
#include <gtest/gtest.h>

#include "engine/tensor/gradient_check.h"
#include "engine/tensor/test_device.h"

namespace attune::engine::ops {
namespace {

struct Layers {
  Tensor first = on_test_device(at::randn({12, 8})).set_requires_grad(true);
  Tensor second = on_test_device(at::randn({8, 12})).set_requires_grad(true);

  Tensor run(const Tensor& x) const {
    return x + at::linear(at::silu(at::linear(x, first)), second);
  }
  std::vector<Tensor> take_gradients() {
    std::vector<Tensor> out{first.grad().clone(), second.grad().clone()};
    first.mutable_grad() = second.mutable_grad() = Tensor();
    return out;
  }
};

TEST(Recompute, GradientsAreBitEqual) {
  Layers layers;
  const auto region = [&](const Tensor& x) { return layers.run(x); };
  Tensor plain = on_test_device(at::randn({5, 8})).set_requires_grad(true);
  torch::autograd::backward({region(region(plain)).pow(2).sum()});
  const auto wanted = layers.take_gradients();
  Tensor again = plain.detach().clone().set_requires_grad(true);
  const Tensor y = recompute(region, recompute(region, again));
  torch::autograd::backward({y.pow(2).sum()});
  const auto found = layers.take_gradients();
  EXPECT_TRUE(again.grad().equal(plain.grad()));
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_TRUE(found[i].equal(wanted[i])) << i;
}

// LoRA over a frozen embedding: the region's input has no gradient, its parameters do.
TEST(Recompute, FrozenInputStillTrainsParameters) {
  Layers layers;
  const Tensor x = on_test_device(at::randn({5, 8}));
  torch::autograd::backward({layers.run(x).pow(2).sum()});
  const auto wanted = layers.take_gradients();
  const Tensor y = recompute([&](const Tensor& in) { return layers.run(in); }, x);
  ASSERT_TRUE(y.requires_grad());
  torch::autograd::backward({y.pow(2).sum()});
  const auto found = layers.take_gradients();
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_TRUE(found[i].equal(wanted[i])) << i;
}

TEST(Recompute, NothingTrainsNothingBreaks) {
  const Tensor x = at::randn({2, 3});
  Tensor scale = at::randn({1}).set_requires_grad(true);
  const Tensor y = recompute([](const Tensor& in) { return in * 2; }, x) * scale;
  torch::autograd::backward({y.sum()});
  EXPECT_LT(testing::relative_difference(scale.grad(), (x * 2).sum().view({1})), 1e-6);
}

TEST(Recompute, RunsTwiceOnlyWhenRecording) {
  int runs = 0;
  Tensor x = at::randn({2, 3}).set_requires_grad(true);
  const auto region = [&](const Tensor& in) {
    ++runs;
    return in * 3;
  };
  {
    at::NoGradGuard off;
    recompute(region, x);
  }
  EXPECT_EQ(runs, 1);
  torch::autograd::backward({recompute(region, x).sum()});
  EXPECT_EQ(runs, 3);
}

}  // namespace
}  // namespace attune::engine::ops
