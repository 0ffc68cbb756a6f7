// Linear layers that make their input again: values and gradients of the operators one by one.
#include "engine/ops/linear.h"

#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "engine/ops/elementwise.h"
#include "engine/tensor/gradient_check.h"

namespace attune::engine::ops {
namespace {

using testing::gradients;
using testing::relative_difference;
using Inputs = std::vector<Tensor>;
using Loss = std::function<Tensor(const Inputs&)>;

constexpr int64_t kRows = 37, kWidth = 45;
constexpr double kEpsilon = 1e-5;
const std::vector<int64_t> kOutputs = {24, 9, 9};

std::vector<Tensor> outer_gradients() {
  std::vector<Tensor> outer;
  for (int64_t out : kOutputs) outer.push_back(at::randn({kRows, out}));
  return outer;
}

Tensor weighted_sum(const std::vector<Tensor>& outputs, const std::vector<Tensor>& outer) {
  Tensor sum = (outputs[0] * outer[0]).sum();
  for (size_t i = 1; i < outputs.size(); ++i) {
    sum = sum + (outputs[i] * outer[i].to(outputs[i].scalar_type())).sum();
  }
  return sum;
}

// x, the norm's weight, then weight and bias of each layer; the second layer has no bias.
Inputs norm_inputs() {
  Inputs inputs{at::randn({kRows, kWidth}) * 3, at::randn({kWidth})};
  for (size_t i = 0; i < kOutputs.size(); ++i) {
    inputs.push_back(at::randn({kOutputs[i], kWidth}));
    if (i != 1) inputs.push_back(at::randn({kOutputs[i]}));
  }
  return inputs;
}

std::vector<LinearParameters> layers_of(const Inputs& x) {
  return {{x[2], x[3]}, {x[4], {}}, {x[5], x[6]}};
}

Inputs in_double(const Inputs& inputs) {
  Inputs wide;
  for (const Tensor& x : inputs) wide.push_back(x.to(at::kDouble));
  return wide;
}

void expect_same_gradients(const Loss& fused, const Loss& plain, const Inputs& inputs) {
  const std::vector<Tensor> found = gradients(fused, inputs);
  const std::vector<Tensor> wanted = gradients(plain, in_double(inputs));
  for (size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_LT(relative_difference(found[i], wanted[i]), 1e-5) << "gradient " << i;
  }
}

TEST(DerivedLinear, NormAndSeveralLayersEqualTheOperators) {
  const Inputs inputs = norm_inputs();
  if (!derived_linear_fits(inputs[0], layers_of(inputs))) GTEST_SKIP() << "no kernels here";
  const auto fused = [](const Inputs& x) {
    return rms_norm_linears(x[0], x[1], kEpsilon, layers_of(x));
  };
  const auto plain = [](const Inputs& x) {
    const Tensor normed = rms_norm_reference(x[0], x[1], kEpsilon);
    return std::vector<Tensor>{at::linear(normed, x[2], x[3]), at::linear(normed, x[4]),
                               at::linear(normed, x[5], x[6])};
  };
  const std::vector<Tensor> found = fused(inputs), wanted = plain(in_double(inputs));
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_LT(relative_difference(found[i], wanted[i]), 1e-5) << "output " << i;
  }
  const std::vector<Tensor> outer = outer_gradients();
  expect_same_gradients([&](const Inputs& x) { return weighted_sum(fused(x), outer); },
                        [&](const Inputs& x) { return weighted_sum(plain(x), outer); }, inputs);
}

TEST(DerivedLinear, GatedActivationAndLayerEqualTheOperators) {
  for (const bool with_bias : {true, false}) {
    Inputs inputs{at::randn({kRows, kWidth}) * 4, at::randn({kRows, kWidth}),
                  at::randn({24, kWidth})};
    if (with_bias) inputs.push_back(at::randn({24}));
    const auto layer_of = [&](const Inputs& x) {
      return LinearParameters{x[2], with_bias ? x[3] : Tensor()};
    };
    if (!derived_linear_fits(inputs[0], {layer_of(inputs)})) GTEST_SKIP() << "no kernels here";
    const auto fused = [&](const Inputs& x) { return swiglu_linear(x[0], x[1], layer_of(x)); };
    const auto plain = [&](const Inputs& x) {
      const Tensor y = at::linear(swiglu_reference(x[0], x[1]), x[2]);
      return with_bias ? y + x[3] : y;
    };
    EXPECT_LT(relative_difference(fused(inputs), plain(in_double(inputs))), 1e-5);
    const Tensor outer = at::randn({kRows, 24});
    expect_same_gradients([&](const Inputs& x) { return (fused(x) * outer).sum(); },
                          [&](const Inputs& x) { return (plain(x) * outer).sum(); }, inputs);
  }
}

// x, the norm's weight, weights, a and b of the first layer and of the third, and the biases of the
// first and of the second.
Inputs shared_inputs() {
  Inputs inputs{at::randn({kRows, kWidth}) * 3, at::randn({kWidth})};
  for (const int64_t out : kOutputs) inputs.push_back(at::randn({out, kWidth}));
  for (const auto& [out, rank] : {std::pair{kOutputs[0], 4}, std::pair{kOutputs[2], 7}}) {
    inputs.push_back(at::randn({rank, kWidth}));
    inputs.push_back(at::randn({out, rank}));
  }
  for (const size_t layer : {0, 1}) inputs.push_back(at::randn({kOutputs[layer]}));
  return inputs;
}

std::vector<LinearParameters> shared_layers(const Inputs& x) {
  const LowRankShare first{x[5], x[6], 0.5}, third{x[7], x[8], 3};
  return {{x[2], x[9], first}, {x[3], x[10]}, {x[4], {}, third}};
}

Tensor plain_share(const Tensor& x, const LinearParameters& layer) {
  Tensor y = at::linear(x, layer.weight);
  if (layer.bias.defined()) y = y + layer.bias;
  if (!layer.share) return y;
  return y + at::linear(at::linear(x, layer.share->a), layer.share->b) * layer.share->scale;
}

TEST(DerivedLinear, SharesOfSeveralLayersEqualTheOperators) {
  const Inputs inputs = shared_inputs();
  if (!derived_linear_fits(inputs[0], shared_layers(inputs))) GTEST_SKIP() << "no kernels here";
  const std::vector<Tensor> outer = outer_gradients();
  const auto fused = [](const Inputs& x) {
    return rms_norm_linears(x[0], x[1], kEpsilon, shared_layers(x));
  };
  const auto plain = [](const Inputs& x) {
    const Tensor normed = rms_norm_reference(x[0], x[1], kEpsilon);
    std::vector<Tensor> outputs;
    for (const LinearParameters& layer : shared_layers(x)) {
      outputs.push_back(plain_share(normed, layer));
    }
    return outputs;
  };
  const std::vector<Tensor> found = fused(inputs), wanted = plain(in_double(inputs));
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_LT(relative_difference(found[i], wanted[i]), 1e-5) << "output " << i;
  }
  expect_same_gradients([&](const Inputs& x) { return weighted_sum(fused(x), outer); },
                        [&](const Inputs& x) { return weighted_sum(plain(x), outer); }, inputs);
}

// x, a second factor or gate, a weight, and its share.
Inputs one_shared() {
  return {at::randn({kRows, kWidth}) * 4, at::randn({kRows, kWidth}), at::randn({24, kWidth}),
          at::randn({5, kWidth}), at::randn({24, 5})};
}

LinearParameters one_layer(const Inputs& x) { return {x[2], {}, LowRankShare{x[3], x[4], 0.5}}; }

TEST(DerivedLinear, AShareOfOneLayerEqualsTheOperators) {
  const Inputs inputs = one_shared();
  const Tensor outer = at::randn({kRows, 24});
  const auto plain = [](const Inputs& x) { return plain_share(x[0] * x[1], one_layer(x)); };
  const auto alone = [](const Inputs& x) { return linear(x[0] * x[1], one_layer(x)); };
  const Tensor wanted = plain(in_double(inputs));
  EXPECT_LT(relative_difference(alone(inputs), wanted), 1e-5);
  EXPECT_LT(relative_difference(alone(in_double(inputs)), wanted), 1e-9);
  expect_same_gradients([&](const Inputs& x) { return (alone(x) * outer).sum(); },
                        [&](const Inputs& x) { return (plain(x) * outer).sum(); }, inputs);
}

TEST(DerivedLinear, AShareBehindAGatedActivationEqualsTheOperators) {
  const Inputs inputs = one_shared();
  if (!derived_linear_fits(inputs[0], {one_layer(inputs)})) GTEST_SKIP() << "no kernels here";
  const Tensor outer = at::randn({kRows, 24});
  expect_same_gradients(
      [&](const Inputs& x) { return (swiglu_linear(x[0], x[1], one_layer(x)) * outer).sum(); },
      [&](const Inputs& x) {
        return (plain_share(swiglu_reference(x[0], x[1]), one_layer(x)) * outer).sum();
      },
      inputs);
}

// What does not train gets no gradient, and what does gets the one that it has beside all others.
void expect_gradients_of(const std::set<size_t>& trained, const Loss& loss, const Inputs& inputs) {
  const std::vector<Tensor> all = gradients(loss, inputs);
  Inputs some;
  for (size_t i = 0; i < inputs.size(); ++i) {
    some.push_back(inputs[i].detach().clone().set_requires_grad(trained.contains(i)));
  }
  torch::autograd::backward({loss(some)});
  for (size_t i = 0; i < some.size(); ++i) {
    ASSERT_EQ(some[i].grad().defined(), trained.contains(i)) << i;
    if (trained.contains(i)) {
      EXPECT_TRUE(some[i].grad().equal(all[i])) << i;
    }
  }
}

// Under LoRA the weights are frozen, in the first layer the input is too.
TEST(DerivedLinear, FrozenPartsGetNoGradient) {
  const Inputs inputs = norm_inputs(), shared = shared_inputs();
  if (!derived_linear_fits(inputs[0], layers_of(inputs))) GTEST_SKIP() << "no kernels here";
  const std::vector<Tensor> outer = outer_gradients();
  const Loss loss = [&](const Inputs& x) {
    return weighted_sum(rms_norm_linears(x[0], x[1], kEpsilon, layers_of(x)), outer);
  };
  for (size_t only = 0; only < inputs.size(); ++only) expect_gradients_of({only}, loss, inputs);
  const Loss with_shares = [&](const Inputs& x) {
    return weighted_sum(rms_norm_linears(x[0], x[1], kEpsilon, shared_layers(x)), outer);
  };
  for (size_t only = 0; only < shared.size(); ++only) {
    expect_gradients_of({only}, with_shares, shared);
  }
  expect_gradients_of({5, 6, 7, 8}, with_shares, shared);
  expect_gradients_of({0, 5, 6, 7, 8}, with_shares, shared);
}

TEST(DerivedLinear, OtherTypesAreLeftToTheOperators) {
  const Inputs inputs = norm_inputs(), wide = in_double(inputs);
  EXPECT_FALSE(derived_linear_fits(wide[0], layers_of(wide)));
  EXPECT_FALSE(derived_linear_fits(inputs[0], {{Tensor(), Tensor()}})) << "a layer held in blocks";
}

}  // namespace
}  // namespace attune::engine::ops
