#include "engine/optim/optimizer.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <array>

#include "base/json.h"
#include "engine/tensor/test_device.h"
#include "tests/support/test_paths.h"

namespace attune::engine::optim {
namespace {

const std::vector<std::string> kNames = {"layer.weight", "layer.bias", "norm.weight"};

const Json& golden() {
  static const Json json =
      read_json_file(testing::source_path("tests/golden/optim/optim.json")).value();
  return json;
}

Tensor values(const Json& array) {
  return on_test_device(at::tensor(array.get<std::vector<float>>()));
}

std::vector<NamedTensor> start() {
  std::vector<NamedTensor> parameters;
  for (const std::string& name : kNames) {
    parameters.push_back({name, values(golden()["start"][name]).set_requires_grad(true)});
  }
  return parameters;
}

void set_gradients(std::vector<NamedTensor>& parameters, size_t step) {
  for (NamedTensor& parameter : parameters) {
    parameter.tensor.mutable_grad() = values(golden()["gradients"][step][parameter.name]);
  }
}

OptimizerOptions options_of(const std::string& name, double weight_decay) {
  OptimizerOptions options;
  options.weight_decay = weight_decay;
  if (name.starts_with("sgd")) options.kind = OptimizerKind::kSgd;
  if (name.starts_with("rmsprop")) options.kind = OptimizerKind::kRmsprop;
  if (name == "adamw_other") {
    options.beta1 = 0.8;
    options.beta2 = 0.95;
    options.epsilon = 1e-3;
  }
  options.nesterov = name == "sgd_nesterov";
  if (name.ends_with("momentum") || options.nesterov) options.momentum = 0.9;
  return options;
}

const std::vector<double> kRates = {1e-2, 1e-2, 5e-3, 1e-3};

TEST(OptimizerTest, StepsEqualTorch) {
  for (const Json& record : golden()["optimizers"]) {
    const std::string name = record["name"];
    std::vector<NamedTensor> parameters = start();
    auto optimizer = Optimizer::create(options_of(name, record["weight_decay"]), parameters);
    for (size_t step = 0; step < kRates.size(); ++step) {
      set_gradients(parameters, step);
      optimizer->step(kRates[step]);
      for (const NamedTensor& parameter : parameters) {
        const Tensor expected = values(record["history"][step][parameter.name]);
        EXPECT_TRUE(at::allclose(parameter.tensor, expected, 2e-6, 1e-7))
            << name << " step " << step << " " << parameter.name;
      }
    }
  }
}

// Sizes that the threads' shares cut through, and the scale that clipping asks for: as the same
// elements one tensor at a time with scaled gradients.
TEST(OptimizerTest, CutTensorsAndScaledGradientsAreTheSameUpdate) {
  for (const std::string name : {"adamw", "sgd_momentum", "rmsprop_momentum"}) {
    std::vector<NamedTensor> together, apart;
    for (const int64_t size : {3, 150'001, 70'000, 1}) {
      const std::string key = "w" + std::to_string(size);
      const Tensor value = on_test_device(at::arange(size, at::kFloat)) /
                               static_cast<double>(size) -
                           0.5;
      for (auto* list : {&together, &apart}) {
        list->push_back({key, value.clone().set_requires_grad(true)});
        list->back().tensor.mutable_grad() = at::sin(value * 7);
      }
    }
    auto whole = Optimizer::create(options_of(name, 0.1), together);
    for (int step = 0; step < 2; ++step) whole->step(1e-2, 0.25);
    for (NamedTensor& one : apart) {
      one.tensor.mutable_grad() = one.tensor.grad() * 0.25;
      auto alone = Optimizer::create(options_of(name, 0.1), {one});
      for (int step = 0; step < 2; ++step) alone->step(1e-2);
    }
    for (size_t i = 0; i < together.size(); ++i) {
      EXPECT_TRUE(at::allclose(together[i].tensor, apart[i].tensor, 1e-6, 1e-7))
          << name << " " << together[i].name;
    }
  }
}

// losses.md §15.1: the first step of torch's Adam and of TensorFlow 1's at rate 1e-5.
TEST(OptimizerTest, FirstAdamStepIsTheLiteral) {
  const std::vector<std::array<double, 4>> cases = {{1e-5, 1e-3, 9.900990e-06, 7.597469e-06},
                                                    {1e-5, 1e-6, 9.090909e-07, 3.152309e-08},
                                                    {1e-8, 1e-3, 9.999900e-06, 9.996839e-06},
                                                    {1e-8, 1e-6, 9.900990e-06, 7.597469e-06}};
  for (const auto& [epsilon, gradient, torch, tf1] : cases) {
    for (const EpsilonForm form : {EpsilonForm::kTorch, EpsilonForm::kTf1}) {
      OptimizerOptions options;
      options.epsilon = epsilon;
      options.epsilon_form = form;
      std::vector<NamedTensor> parameters = {
          {"w", at::tensor(std::vector<float>{0}).set_requires_grad(true)}};
      parameters[0].tensor.mutable_grad() =
          at::tensor(std::vector<float>{static_cast<float>(gradient)});
      auto optimizer = Optimizer::create(options, parameters);
      optimizer->step(1e-5);
      const double expected = form == EpsilonForm::kTorch ? torch : tf1;
      EXPECT_NEAR(-parameters[0].tensor.item<double>() / expected, 1.0, 1e-5);
    }
  }
}

// Two steps with a rate of 1/4 are two steps at a quarter of the learning rate.
TEST(OptimizerTest, AParameterMayHaveARateOfItsOwn) {
  for (const std::string name : {"adamw", "sgd_momentum", "rmsprop", "rmsprop_momentum"}) {
    std::vector<NamedTensor> slow = start();
    std::vector<NamedTensor> plain = start();
    for (NamedTensor& parameter : slow) parameter.rate = 0.25;
    auto one = Optimizer::create(options_of(name, 0.1), slow);
    auto other = Optimizer::create(options_of(name, 0.1), plain);
    for (size_t step = 0; step < 2; ++step) {
      set_gradients(slow, step);
      set_gradients(plain, step);
      one->step(1e-2);
      other->step(0.25e-2);
    }
    for (size_t i = 0; i < slow.size(); ++i) {
      EXPECT_TRUE(at::allclose(slow[i].tensor, plain[i].tensor, 1e-6, 1e-8)) << name;
    }
  }
}

TEST(OptimizerTest, RestoredStateContinuesBitForBit) {
  for (const std::string name : {"adamw", "sgd_momentum", "rmsprop_momentum"}) {
    std::vector<NamedTensor> whole = start();
    auto optimizer = Optimizer::create(options_of(name, 0.1), whole);
    std::map<std::string, Tensor> saved;
    std::vector<Tensor> parameters_then;
    for (size_t step = 0; step < 4; ++step) {
      if (step == 2) {
        for (const NamedTensor& state : optimizer->state()) {
          saved[state.name] = state.tensor.clone();
        }
        for (const NamedTensor& parameter : whole) {
          parameters_then.push_back(parameter.tensor.detach().clone());
        }
      }
      set_gradients(whole, step);
      optimizer->step(kRates[step]);
    }
    std::vector<NamedTensor> resumed;
    for (size_t i = 0; i < kNames.size(); ++i) {
      resumed.push_back({kNames[i], parameters_then[i].set_requires_grad(true)});
    }
    auto second = Optimizer::create(options_of(name, 0.1), resumed);
    ASSERT_TRUE(second->load_state(saved).ok());
    for (size_t step = 2; step < 4; ++step) {
      set_gradients(resumed, step);
      second->step(kRates[step]);
    }
    for (size_t i = 0; i < kNames.size(); ++i) {
      EXPECT_TRUE(at::equal(whole[i].tensor, resumed[i].tensor)) << name << " " << kNames[i];
    }
  }
}

TEST(OptimizerTest, StateOfAnotherModelIsRefused) {
  std::vector<NamedTensor> parameters = start();
  auto optimizer = Optimizer::create({}, parameters);
  set_gradients(parameters, 0);
  optimizer->step(1e-3);
  std::map<std::string, Tensor> saved;
  for (const NamedTensor& state : optimizer->state()) saved[state.name] = state.tensor.clone();
  saved.erase("layer.bias.exp_avg");
  const Status missing = optimizer->load_state(saved);
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().message().find("layer.bias.exp_avg"), std::string::npos);
  saved["layer.bias.exp_avg"] = at::tensor(std::vector<float>{1, 2});
  EXPECT_FALSE(optimizer->load_state(saved).ok());
}

TEST(OptimizerTest, ParametersWithoutGradientStay) {
  std::vector<NamedTensor> parameters = start();
  auto optimizer = Optimizer::create({}, parameters);
  set_gradients(parameters, 0);
  parameters[1].tensor.mutable_grad() = Tensor();
  const Tensor before = parameters[1].tensor.detach().clone();
  optimizer->step(1e-2);
  EXPECT_TRUE(at::equal(parameters[1].tensor, before));
  std::map<std::string, Tensor> saved;
  for (const NamedTensor& state : optimizer->state()) saved[state.name] = state.tensor.clone();
  EXPECT_TRUE(saved.contains(parameters[0].name + ".step"));
  EXPECT_FALSE(saved.contains(parameters[1].name + ".step"));
  set_gradients(parameters, 1);
  optimizer->step(1e-2);
  ASSERT_TRUE(optimizer->load_state(saved).ok());
  for (const NamedTensor& state : optimizer->state()) {
    ASSERT_TRUE(saved.contains(state.name)) << state.name;
    EXPECT_TRUE(at::equal(state.tensor, saved[state.name])) << state.name;
  }
  optimizer->zero_grad();
  EXPECT_FALSE(parameters[0].tensor.grad().defined());
}

TEST(OptimizerTest, DecaySparesBiasesAndNorms) {
  EXPECT_TRUE(decays("model.layers.0.self_attn.q_proj.weight"));
  EXPECT_TRUE(decays("model.embed_tokens.weight"));
  EXPECT_TRUE(decays("model.layers.0.self_attn.q_proj.lora_A.weight"));
  EXPECT_FALSE(decays("model.layers.0.input_layernorm.weight"));
  EXPECT_FALSE(decays("model.layers.0.self_attn.q_norm.weight"));
  EXPECT_FALSE(decays("model.norm.weight"));
  EXPECT_FALSE(decays("transformer.h.0.ln_1.weight"));
  EXPECT_FALSE(decays("transformer.h.0.attn.c_attn.bias"));
  EXPECT_TRUE(decays("model.normaliser.weight"));
}

TEST(OptimizerTest, UnknownNameListsTheKnownOnes) {
  EXPECT_EQ(parse_optimizer_kind("adamw_torch_fused").value(), OptimizerKind::kAdamW);
  const auto unknown = parse_optimizer_kind("lion_8bit");
  ASSERT_FALSE(unknown.ok());
  EXPECT_NE(unknown.error().message().find("rmsprop"), std::string::npos);
}

}  // namespace
}  // namespace attune::engine::optim
