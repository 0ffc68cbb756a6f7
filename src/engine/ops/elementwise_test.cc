#include "engine/ops/elementwise.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "engine/ops/rotary.h"
#include "engine/tensor/gradient_check.h"
#include "engine/tensor/test_device.h"

namespace attune::engine::ops {
namespace {

using testing::gradient_error;
using testing::gradients;
using testing::relative_difference;
using Inputs = std::vector<Tensor>;
using Operation = std::function<Tensor(const Inputs&)>;

// Forward and all gradients of `fused` in fp32 against `plain` in double precision.
void expect_same(const Operation& fused, const Operation& plain, const Inputs& given) {
  const Inputs inputs = on_test_device(given);
  Inputs wide;
  for (const Tensor& x : inputs) wide.push_back(x.to(at::kDouble));
  const Tensor expected = plain(wide);
  EXPECT_LT(relative_difference(fused(inputs), expected), 1e-5);
  const Tensor outer = on_test_device(at::randn(expected.sizes()));
  const auto found =
      gradients([&](const Inputs& x) { return (fused(x) * outer).sum(); }, inputs);
  const auto wanted = gradients(
      [&](const Inputs& x) { return (plain(x) * outer.to(at::kDouble)).sum(); }, wide);
  for (size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_LT(relative_difference(found[i], wanted[i]), 1e-5) << "gradient " << i;
  }
}

TEST(RmsNorm, FusedEqualsPlain) {
  for (int64_t width : {1, 7, 64, 577}) {
    // One wide, the norm is x / |x|: without a large epsilon its gradient is all rounding.
    const double epsilon = width == 1 ? 1.0 : 1e-5;
    expect_same([&](const Inputs& x) { return rms_norm(x[0], x[1], epsilon); },
                [&](const Inputs& x) { return rms_norm_reference(x[0], x[1], epsilon); },
                {at::randn({130, width}) * 3, at::randn({width})});
  }
}

TEST(RmsNorm, GradientsInDoublePrecision) {
  const auto f64 = at::TensorOptions(at::kDouble);
  const Tensor outer = at::randn({3, 5}, f64);
  EXPECT_LT(gradient_error(
                [&](const Inputs& x) { return (rms_norm(x[0], x[1], 1e-5) * outer).sum(); },
                {at::randn({3, 5}, f64), at::randn({5}, f64)}),
            1e-7);
}

TEST(RmsNorm, TransposedInputIsReadRight) {
  const Tensor x = at::randn({24, 10}).t(), weight = at::randn({24});
  EXPECT_LT(relative_difference(rms_norm(x, weight, 1e-6),
                                rms_norm_reference(x.to(at::kDouble), weight, 1e-6)), 1e-5);
}

TEST(LayerNorm, WithoutBias) {
  const Tensor x = at::tensor({1.0f, 3.0f}).view({1, 2});
  const Tensor y = layer_norm(x, at::tensor({2.0f, 2.0f}), {}, 0);
  EXPECT_LT(relative_difference(y, at::tensor({-2.0f, 2.0f}).view({1, 2})), 1e-6);
}

TEST(Swiglu, FusedEqualsPlain) {
  for (int64_t width : {3, 8, 1537}) {
    expect_same([](const Inputs& x) { return swiglu(x[0], x[1]); },
                [](const Inputs& x) { return swiglu_reference(x[0], x[1]); },
                {at::randn({65, width}) * 4, at::randn({65, width})});
  }
}

TEST(Swiglu, SaturatedGatesStayFinite) {
  const Tensor gate = at::tensor({-1000.0f, -90.0f, 0.0f, 90.0f, 1000.0f});
  const Tensor up = at::tensor({1.0f, 1.0f, 1.0f, 1.0f, 1.0f});
  const auto d = gradients([](const Inputs& x) { return swiglu(x[0], x[1]).sum(); }, {gate, up});
  const Tensor y = swiglu(gate, up);
  EXPECT_LT(relative_difference(y, at::tensor({0.0f, 0.0f, 0.0f, 90.0f, 1000.0f})), 1e-6);
  EXPECT_LT(relative_difference(d[0], at::tensor({0.0f, 0.0f, 0.5f, 1.0f, 1.0f})), 1e-6);
}

TEST(Geglu, IsGeluTimesUp) {
  const Tensor gate = at::randn({4, 6}), up = at::randn({4, 6});
  for (bool tanh : {false, true}) {
    EXPECT_TRUE(geglu(gate, up, tanh).equal(gelu(gate, tanh) * up));
  }
  EXPECT_GT(relative_difference(gelu(gate, true), gelu(gate, false)), 1e-7);
}

RotaryTable table_of(int64_t half) {
  std::vector<float> frequencies;
  for (int64_t i = 0; i < half; ++i) {
    frequencies.push_back(std::pow(1e4f, -static_cast<float>(i) / static_cast<float>(half)));
  }
  const RotaryTable table = make_rotary_table(at::tensor(frequencies), 64, 1.25);
  return {on_test_device(table.cos), on_test_device(table.sin)};
}

TEST(Rotary, FusedEqualsPlain) {
  const Tensor positions = on_test_device(at::randint(64, {50}, at::kLong));
  for (int64_t half : {2, 8, 13, 16}) {
    const RotaryTable table = table_of(half);
    expect_same([&](const Inputs& x) { return rotate(x[0], table, positions); },
                [&](const Inputs& x) { return rotate_reference(x[0], table, positions); },
                {at::randn({50, 3, 32})});
  }
}

TEST(Rotary, ReadsASliceOfAJointProjection) {
  const Tensor joint = on_test_device(at::randn({9, 96}));
  const Tensor positions = on_test_device(at::arange(9));
  const Tensor slice = joint.narrow(1, 32, 64).view({9, 2, 32});
  const RotaryTable table = table_of(16);
  EXPECT_TRUE(rotate(slice, table, positions).equal(rotate(slice.contiguous(), table, positions)));
}

// Two steps at position p turn (1, 0) by p radians for frequency 1.
TEST(Rotary, TurnsByTheAngle) {
  const RotaryTable table = make_rotary_table(at::tensor({1.0f}), 4);
  const Tensor x = at::tensor({1.0f, 0.0f, 7.0f}).view({1, 1, 3});
  const Tensor y = rotate(x, table, at::tensor({3}, at::kLong)).view({3});
  EXPECT_FLOAT_EQ(y[0].item<float>(), static_cast<float>(std::cos(3.0)));
  EXPECT_FLOAT_EQ(y[1].item<float>(), static_cast<float>(std::sin(3.0)));
  EXPECT_EQ(y[2].item<float>(), 7.0f) << "elements beyond the rotary width pass through";
}

}  // namespace
}  // namespace attune::engine::ops
