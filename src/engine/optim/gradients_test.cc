#include "engine/optim/gradients.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/json.h"
#include "tests/support/test_paths.h"

namespace attune::engine::optim {
namespace {

const std::vector<std::string> kNames = {"layer.weight", "layer.bias", "norm.weight"};

TEST(GradientsTest, ClippingEqualsTorch) {
  const Json golden =
      read_json_file(testing::source_path("tests/golden/optim/optim.json")).value();
  for (const Json& record : golden["clips"]) {
    std::vector<NamedTensor> parameters;
    for (const std::string& name : kNames) {
      Tensor gradient = at::tensor(golden["gradients"][0][name].get<std::vector<float>>());
      gradient.mul_(record["scale"].get<double>());
      parameters.push_back({name, at::zeros_like(gradient).set_requires_grad(true)});
      parameters.back().tensor.mutable_grad() = gradient;
    }
    const double norm = clip_grad_norm(parameters, record["max_norm"]);
    EXPECT_NEAR(norm / record["norm"].get<double>(), 1.0, 1e-6);
    for (size_t i = 0; i < kNames.size(); ++i) {
      const Tensor expected = at::tensor(record["clipped"][i].get<std::vector<float>>());
      EXPECT_TRUE(at::allclose(parameters[i].tensor.grad(), expected, 1e-6, 1e-9)) << kNames[i];
    }
  }
}

TEST(GradientsTest, NonFiniteIsFoundNamedAndNotSpread) {
  std::vector<NamedTensor> parameters;
  for (const float bad : {1.0F, std::numeric_limits<float>::infinity(), std::nanf("")}) {
    const Tensor gradient = at::tensor(std::vector<float>{0.5F, bad});
    parameters.push_back({"p" + std::to_string(parameters.size()),
                          at::zeros_like(gradient).set_requires_grad(true)});
    parameters.back().tensor.mutable_grad() = gradient;
  }
  EXPECT_EQ(non_finite_gradients(parameters), (std::vector<std::string>{"p1", "p2"}));
  EXPECT_EQ(non_finite_gradients(parameters, 1).size(), 1U);
  EXPECT_FALSE(std::isfinite(clip_grad_norm(parameters, 1.0)));
  EXPECT_TRUE(at::equal(parameters[0].tensor.grad(), at::tensor(std::vector<float>{0.5F, 1.0F})));
}

TEST(GradientsTest, NoClippingAtZeroOrBelowTheLimit) {
  std::vector<NamedTensor> parameters = {
      {"w", at::tensor(std::vector<float>{0, 0}).set_requires_grad(true)}};
  parameters[0].tensor.mutable_grad() = at::tensor(std::vector<float>{3, 4});
  EXPECT_DOUBLE_EQ(clip_grad_norm(parameters, 0), 5.0);
  EXPECT_DOUBLE_EQ(clip_grad_norm(parameters, 10), 5.0);
  EXPECT_TRUE(at::equal(parameters[0].tensor.grad(), at::tensor(std::vector<float>{3, 4})));
}

}  // namespace
}  // namespace attune::engine::optim
