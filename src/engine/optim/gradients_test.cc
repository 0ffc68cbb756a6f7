#include "engine/optim/gradients.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/square.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
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
    const double norm = grad_norm(parameters);
    EXPECT_NEAR(norm / record["norm"].get<double>(), 1.0, 1e-6);
    const double factor = clip_factor(norm, record["max_norm"]);
    for (size_t i = 0; i < kNames.size(); ++i) {
      const Tensor expected = at::tensor(record["clipped"][i].get<std::vector<float>>());
      EXPECT_TRUE(at::allclose(parameters[i].tensor.grad() * factor, expected, 1e-6, 1e-9))
          << kNames[i];
    }
  }
}

TEST(GradientsTest, NonFiniteIsFoundAndNamed) {
  std::vector<NamedTensor> parameters;
  for (const float bad : {1.0F, std::numeric_limits<float>::infinity(), std::nanf("")}) {
    const Tensor gradient = at::tensor(std::vector<float>{0.5F, bad});
    parameters.push_back({"p" + std::to_string(parameters.size()),
                          at::zeros_like(gradient).set_requires_grad(true)});
    parameters.back().tensor.mutable_grad() = gradient;
  }
  EXPECT_EQ(non_finite_gradients(parameters), (std::vector<std::string>{"p1", "p2"}));
  EXPECT_EQ(non_finite_gradients(parameters, 1).size(), 1U);
  EXPECT_FALSE(std::isfinite(grad_norm(parameters)));
}

TEST(GradientsTest, NoClippingAtZeroOrBelowTheLimit) {
  EXPECT_DOUBLE_EQ(clip_factor(5, 0), 1);
  EXPECT_DOUBLE_EQ(clip_factor(5, 10), 1);
  EXPECT_NEAR(clip_factor(5, 1), 0.2, 1e-6);
}

// Tensors larger and smaller than a thread's share, of odd sizes: every element counts once.
TEST(GradientsTest, TheNormIsThatOfAllElements) {
  std::vector<NamedTensor> parameters;
  double squares = 0;
  for (const int64_t size : {1, 100'003, 7, 300'001, 4096, 65'537, 5}) {
    Tensor gradient = at::arange(size, at::kFloat) / static_cast<double>(size);
    squares += at::square(gradient.to(at::kDouble)).sum().item<double>();
    parameters.push_back({"p" + std::to_string(size), at::zeros({size}).set_requires_grad(true)});
    parameters.back().tensor.mutable_grad() = gradient;
  }
  EXPECT_NEAR(grad_norm(parameters) / std::sqrt(squares), 1.0, 1e-6);
}

}  // namespace
}  // namespace attune::engine::optim
