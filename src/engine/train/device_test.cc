// What runs on the CPU runs on another device with the same results: operators with their
// gradients, generation, and whole trainings. On "cuda" where LibTorch sees a GPU; on "foreign", a
// device whose memory the processor cannot reach (tensor/foreign_device.h), everywhere: a kernel of
// ours or a tensor left on the CPU ends the test.
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "engine/generate/generator.h"
#include "engine/generate/small_model.h"
#include "engine/ops/attention.h"
#include "engine/ops/attention_segments.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/forgetful_mask.h"
#include "engine/ops/linear.h"
#include "engine/ops/linear_log_probs.h"
#include "engine/ops/rotary.h"
#include "engine/optim/optimizer.h"
#include "engine/tensor/device.h"
#include "engine/tensor/foreign_device.h"
#include "engine/tensor/gradient_check.h"
#include "engine/train/golden_run.h"
#include "engine/train/group_method.h"
#include "engine/train/ppo_small_run.h"
#include "engine/train/preference_method.h"
#include "engine/train/small_on_policy.h"
#include "tests/support/test_paths.h"

namespace attune::engine::train {
namespace {

using testing::relative_difference;

class DeviceTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string(GetParam()) == "foreign") {
      device_ = testing::foreign_device();
    } else if (const auto found = parse_device(GetParam()); found.ok()) {
      device_ = *found;
    } else {
      GTEST_SKIP() << found.error().message();
    }
  }

  using Function = std::function<Tensor(const std::vector<Tensor>&)>;

  // Value and gradients of `function` of `inputs`, which train, on the device and on the CPU.
  void expect_same(const Function& function, const std::vector<Tensor>& inputs) {
    const auto results = [&](at::Device device) {
      std::vector<Tensor> leaves;
      for (const Tensor& input : inputs) {
        leaves.push_back(input.detach().to(device).clone().set_requires_grad(true));
      }
      Tensor value = function(leaves);
      value.pow(2).sum().backward();
      std::vector<Tensor> found = {value.detach().to(at::kCPU)};
      for (const Tensor& leaf : leaves) found.push_back(leaf.grad().to(at::kCPU));
      return found;
    };
    const auto expected = results(at::kCPU), found = results(device_);
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_LT(relative_difference(found[i], expected[i]), 2e-5) << "result " << i;
    }
  }

  at::Device device_ = at::kCPU;
};

INSTANTIATE_TEST_SUITE_P(Devices, DeviceTest, ::testing::Values("foreign", "cuda"),
                         [](const auto& tested) { return std::string(tested.param); });

ops::PackedLayout forest() {
  ops::PackedLayout layout;
  layout.add_root(9);
  const int64_t prompt = layout.add_root(7);
  layout.add_child(prompt, 5);
  layout.add_child(layout.add_child(prompt, 3), 1);
  return layout;
}

TEST_P(DeviceTest, Attention) {
  const ops::PackedLayout layout = forest();
  const int64_t tokens = layout.tokens();
  const std::vector<Tensor> qkv = {at::randn({tokens, 4, 16}), at::randn({tokens, 2, 16}),
                                   at::randn({tokens, 2, 16})};
  for (const ops::AttentionOptions& options :
       {ops::AttentionOptions{}, ops::AttentionOptions{.window = 4, .alibi_slopes = {}},
        ops::AttentionOptions{.alibi_slopes = {0.5f, 0.25f, 0.125f, 0.0625f}}}) {
    expect_same(
        [&](const auto& x) { return ops::tree_attention(x[0], x[1], x[2], layout, options); }, qkv);
  }
  ops::PackedLayout flat;
  flat.add_root(tokens);
  const auto masks = ops::forgetful_masks(flat, {0.2, 0.4}, 3);
  expect_same(
      [&](const auto& x) { return ops::tree_attention_hiding(x[0], x[1], x[2], flat, {}, masks); },
      qkv);
}

TEST_P(DeviceTest, RowsOfALayer) {
  const Tensor x = at::randn({6, 32}), weight = at::randn({32}), matrix = at::randn({24, 32});
  expect_same([](const auto& in) { return ops::rms_norm(in[0], in[1], 1e-5); }, {x, weight});
  expect_same([](const auto& in) { return ops::layer_norm(in[0], in[1], in[2], 1e-5); },
              {x, weight, at::randn({32})});
  expect_same([](const auto& in) { return ops::swiglu(in[0], in[1]); }, {x, at::randn({6, 32})});
  expect_same([](const auto& in) { return ops::geglu(in[0], in[1], true); },
              {x, at::randn({6, 32})});
  expect_same([](const auto& in) { return ops::linear(in[0], {in[1], in[2]}); },
              {x, matrix, at::randn({24})});
  const ops::RotaryTable table =
      ops::make_rotary_table(at::tensor({1.0f, 0.1f, 0.01f, 0.001f}), 16);
  const Tensor positions = at::tensor({0, 3, 1, 15, 7, 7}, at::kLong);
  expect_same(
      [&](const auto& in) {
        const at::Device device = in[0].device();
        return ops::rotate(in[0], {table.cos.to(device), table.sin.to(device)},
                           positions.to(device));
      },
      {at::randn({6, 2, 16})});
}

TEST_P(DeviceTest, LogProbs) {
  const std::vector<Tensor> inputs = {at::randn({9, 16}), at::randn({50, 16}), at::randn({50})};
  const Tensor rows = at::tensor({0, 2, 2, 8, 5}, at::kLong);
  const Tensor targets = at::tensor({49, 3, 0, 17, 3}, at::kLong);
  for (double softcap : {0.0, 5.0}) {
    const ops::LogProbOptions options{.temperature = 0.7, .entropy = true, .accuracy = true,
                                      .log_sum_squares = true, .chunk_rows = 2,
                                      .logit_softcap = softcap};
    std::vector<ops::LogProbs> got;
    expect_same(
        [&](const auto& in) {
          got.push_back(ops::linear_log_probs(in[0], in[1], in[2], rows, targets, options));
          EXPECT_TRUE(got.back().log_probs.is_cpu());
          return got.back().log_probs;
        },
        inputs);
    EXPECT_LT(relative_difference(*got[1].entropy, *got[0].entropy), 2e-5);
    EXPECT_LT(relative_difference(*got[1].log_sum_squares, *got[0].log_sum_squares), 2e-5);
    EXPECT_TRUE(got[1].correct->equal(*got[0].correct));
    expect_same(
        [&](const auto& in) {
          const Tensor weights = at::tensor({0.5f, 0.1f, 0.0f, 0.2f, 1.0f});
          return ops::linear_nll(in[0], in[1], in[2], rows, targets, weights, options).loss;
        },
        inputs);
  }
}

TEST_P(DeviceTest, Optimisers) {
  for (const optim::OptimizerKind kind :
       {optim::OptimizerKind::kAdamW, optim::OptimizerKind::kSgd, optim::OptimizerKind::kRmsprop}) {
    const Tensor start = at::randn({5, 7}), gradient = at::randn({5, 7});
    const auto trained = [&](at::Device device) {
      Tensor parameter = start.to(device).clone().set_requires_grad(true);
      optim::OptimizerOptions options;
      options.kind = kind;
      options.weight_decay = 0.1;
      const auto optimizer = optim::Optimizer::create(options, {{"weight", parameter}});
      for (int step = 0; step < 3; ++step) {
        parameter.mutable_grad() = gradient.to(device) * (step + 1);
        optimizer->step(1e-2, 0.5);
      }
      return parameter.detach().to(at::kCPU);
    };
    EXPECT_LT(relative_difference(trained(device_), trained(at::kCPU)), 1e-6);
  }
}

TEST_P(DeviceTest, GeneratesTheSameTokens) {
  for (int64_t window : {0, 6}) {
    const auto answers = [&](at::Device device) {
      models::LoadOptions options;
      options.device = device;
      const auto decoder = testing::small_decoder(window, options);
      std::vector<generate::GenerateRequest> requests;
      for (const std::string text : {"Hello there", "what", "and so on"}) {
        generate::GenerateRequest request;
        request.prompt = {text.begin(), text.end()};
        request.max_new_tokens = 9;
        request.num_return_sequences = 2;
        request.sampling.do_sample = true;
        request.stream = requests.size();
        requests.push_back(request);
      }
      return generate::Generator(*decoder, testing::byte_tokenizer(), {}).run(requests).value();
    };
    const auto expected = answers(at::kCPU), found = answers(device_);
    for (size_t i = 0; i < expected.size(); ++i) {
      for (size_t k = 0; k < expected[i].size(); ++k) {
        EXPECT_EQ(found[i][k].tokens, expected[i][k].tokens);
        for (size_t t = 0; t < expected[i][k].log_probs.size(); ++t) {
          EXPECT_NEAR(found[i][k].log_probs[t], expected[i][k].log_probs[t], 1e-4);
        }
      }
    }
  }
}

// Against Transformers' golden.
TEST_P(DeviceTest, FineTuning) {
  const Json golden =
      read_json_file(attune::testing::source_path("tests/golden/train/sft_tiny.json")).value();
  for (const bool recompute : {false, true}) {
    const TemporaryDirectory run;
    Variant variant;
    variant.device = device_;
    variant.plan.max_tokens_per_batch = 60;
    variant.plan.recompute = recompute;
    const auto steps = train_golden(attune::testing::source_path("tests/golden/train/tiny"), golden,
                                    variant, run.path());
    ASSERT_TRUE(steps.ok()) << steps.error().message();
    expect_parity(*steps, golden);
  }
}

void expect_same_lines(const std::vector<Json>& found, const std::vector<Json>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  ASSERT_FALSE(found.empty());
  for (size_t i = 0; i < found.size(); ++i) {
    for (const auto& [name, value] : expected[i].items()) {
      if (!value.is_number() || name == "seconds") continue;
      const auto number = value.get<double>();
      EXPECT_NEAR(found[i].at(name).get<double>(), number, 1e-4 * std::max(1.0, std::abs(number)))
          << name << " of line " << i;
    }
  }
}

std::vector<TreeRow> preference_rows() {
  std::vector<TreeRow> rows;
  for (const char* answer : {"yes, they are", "no"}) {
    TreeRow row;
    row.form = data::Form::kPreference;
    const std::string prompt = "are they", chosen = answer, rejected = "who knows";
    row.tree = {{prompt.begin(), prompt.end()},
                {{{chosen.begin(), chosen.end()}, 0}, {{rejected.begin(), rejected.end()}, 0}}};
    row.ranks = {1, 2};
    row.name = {"rows", static_cast<int64_t>(rows.size()) + 1};
    rows.push_back(std::move(row));
  }
  return rows;
}

TEST_P(DeviceTest, Dpo) {
  for (const bool peft : {false, true}) {
    const auto lines = [&](at::Device device) {
      SmallPolicy policy(peft, device);
      TreeMethodOptions options;
      options.adapters = policy.adapters;
      PreferenceSetup setup;
      setup.weighting = true;
      setup.loss.losses = {{objectives::PairLoss::kSigmoid, 1.0},
                           {objectives::PairLoss::kAot, 0.5}};
      PreferenceMethod method(*policy.decoder, options, setup, preference_rows(), {});
      ReferenceModel reference(*policy.reference.decoder, policy.reference.stack, "start");
      method.set_reference(
          reference.log_probs({.name = "train", .tokens = true}, method.trees(Split::kTrain))
              .value(),
          std::nullopt);
      return policy.train(method, {{"per_device_train_batch_size", 2}, {"save_strategy", "steps"},
                                   {"save_steps", 1}});
    };
    expect_same_lines(lines(device_), lines(at::kCPU));
  }
}

TEST_P(DeviceTest, Ppo) {
  const std::vector<Json> roles = {{{"value_source", "separate"}, {"ema", 0.9}},
                                   {{"value_source", "head"}, {"ptx_coefficient", 0.5}},
                                   {{"value_source", "adapter"}, {"use_peft", true}}};
  for (Json config : roles) {
    config["eval_strategy"] = "steps";
    config["eval_steps"] = 2;
    SmallPpoRun here(config, even_share), there(config, even_share);
    there.use_device(device_);
    ASSERT_TRUE(here.run().ok());
    const auto outcome = there.run();
    ASSERT_TRUE(outcome.ok()) << outcome.error().message();
    expect_same_lines(there.events("step"), here.events("step"));
    expect_same_lines(there.events("eval"), here.events("eval"));
  }
}

TEST_P(DeviceTest, Groups) {
  for (const GroupAlgorithm algorithm : {GroupAlgorithm::kRloo, GroupAlgorithm::kGrpo}) {
    const auto lines = [&](at::Device device) {
      SmallPolicy policy(/*peft=*/false, device);
      GroupSetup setup;
      setup.settings.algorithm = algorithm;
      setup.settings.beta = 0.05;
      setup.settings.policy.beta = algorithm == GroupAlgorithm::kGrpo ? 0.05 : 0;
      setup.settings.updates = 2;
      setup.rollout.samples = 3;
      setup.rollout.response_length = 8;
      setup.rollout.stop_ids = policy.stop_ids;
      setup.reference = policy.reference;
      const auto reward = function_reward(even_share);
      GroupMethod method(*policy.decoder, policy.tokenizer, *reward, setup, policy.prompts());
      return policy.train(method, {});
    };
    expect_same_lines(lines(device_), lines(at::kCPU));
  }
}

// The stand-in is what it says: what must not work on a GPU does not work on it.
TEST(ForeignDeviceTest, RefusesMixturesAndPointers) {
  const at::Device device = testing::foreign_device();
  const Tensor there = at::randn({3}).to(device), here = at::randn({3});
  EXPECT_THROW((void)(there + here), std::exception);
  EXPECT_THROW((void)there.index_select(0, at::tensor({1}, at::kLong)), std::exception);
  EXPECT_LT(relative_difference((there * 2.0).to(at::kCPU), there.to(at::kCPU) * 2.0), 1e-7);
  EXPECT_DEATH({ std::printf("%f", static_cast<double>(*there.const_data_ptr<float>())); }, "");
}

}  // namespace
}  // namespace attune::engine::train
