// A published model, as GGUF and as Transformers computes it.
#include "engine/tensor/tensor.h"  // first: it settles whose CHECK counts

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "engine/models/decoder.h"
#include "engine/models/golden_model.h"
#include "engine/nn/seeded.h"
#include "engine/ops/linear_log_probs.h"
#include "tests/support/test_paths.h"
#include "weights/model_files.h"

namespace attune::engine::models {
namespace {

// "What is the capital of France?" in the model's chat template, ready for the answer.
const std::vector<int32_t> kPrompt = {
    1,   9690, 198,   2683,  359, 253, 5356, 5646, 11173, 3365, 3511, 308, 34519,
    28,  7018, 411,   407,   19712, 8182, 2, 198,  1,     4093, 198,  1780, 314,
    260, 3575, 282,   4649,  47,  2,   198,  1,    520,   9531, 198};

const std::vector<double> kFirstLogits = {10.166019, 6.212101, 6.837072, 6.255067,
                                          5.384845,  4.910382, 2.386480, 4.922506};

std::unique_ptr<Decoder> load_smollm2(const std::string& path, const std::string& quantize) {
  auto files = weights::ModelFiles::open(path);
  EXPECT_TRUE(files.ok()) << files.error().message();
  LoadOptions options;
  options.quantize = quantize;
  auto decoder = Decoder::load(*files, options);
  EXPECT_TRUE(decoder.ok()) << decoder.error().message();
  return std::move(decoder).value();
}

Tensor last_logits(Decoder& decoder) {
  at::NoGradGuard no_grad;
  PackedBatch batch;
  batch.add_root(kPrompt);
  Tensor hidden = decoder.forward(batch);
  return decoder.logits(hidden.narrow(0, hidden.size(0) - 1, 1))[0];
}

TEST(SmolLm2, LogitsEqualTransformers) {
  auto path = testing::smollm2_path();
  if (!path) GTEST_SKIP() << "no SmolLM2 (set ATTUNE_SMOLLM2, or run scripts/setup.sh)";
  auto decoder = load_smollm2(*path, "");
  Tensor logits = last_logits(*decoder);
  for (size_t i = 0; i < kFirstLogits.size(); ++i) {
    EXPECT_NEAR(logits[static_cast<int64_t>(i)].item<double>(), kFirstLogits[i], 2e-4) << i;
  }
  EXPECT_EQ(logits.argmax().item<int64_t>(), 504);
}

TEST(SmolLm2, NativeBlocksGiveTheSameModel) {
  auto path = testing::smollm2_path();
  if (!path) GTEST_SKIP() << "no SmolLM2 (set ATTUNE_SMOLLM2, or run scripts/setup.sh)";
  Tensor logits = last_logits(*load_smollm2(*path, "native"));
  // Kernels may round activations to int8; the weights are the same.
  for (size_t i = 0; i < kFirstLogits.size(); ++i) {
    EXPECT_NEAR(logits[static_cast<int64_t>(i)].item<double>(), kFirstLogits[i], 0.5) << i;
  }
}

struct LoraRun {
  double loss = 0;
  double loss_without_recording = 0;  // as an evaluation computes it
  std::vector<Tensor> gradients;
};

// Mean negative log-likelihood of the prompt with LoRA of rank 8 on every linear layer.
LoraRun run_lora(Decoder& decoder) {
  weights::LoraConfig config;
  config.r = 8;
  config.target_modules = {"all-linear"};
  EXPECT_TRUE(decoder.adapters().create("a", config, 3).ok());
  uint64_t seed = 100;
  const std::vector<nn::Parameter> parameters = decoder.adapters().parameters("a");
  for (const nn::Parameter& parameter : parameters) {
    at::NoGradGuard no_grad;
    Tensor tensor = parameter.tensor;
    if (parameter.name.ends_with("lora_B.weight")) nn::fill_normal(tensor, 0.02, seed++);
  }
  PackedBatch batch;
  batch.add_root(kPrompt);
  ForwardOptions options;
  options.adapters.stack = {"a"};
  const auto rows = static_cast<int64_t>(kPrompt.size()) - 1;
  const auto loss = [&] {
    const Tensor targets = at::tensor(kPrompt).to(at::kLong).narrow(0, 1, rows);
    return ops::linear_nll(decoder.forward(batch, options), decoder.head_weight(), {},
                           at::arange(rows), targets,
                           at::full({rows}, 1.0 / static_cast<double>(rows), at::kFloat))
        .loss;
  };
  LoraRun run;
  const Tensor recorded = loss();
  recorded.backward();
  run.loss = recorded.item<double>();
  for (const nn::Parameter& p : parameters) run.gradients.push_back(p.tensor.grad());
  at::NoGradGuard no_grad;
  run.loss_without_recording = loss().item<double>();
  return run;
}

// Loading without `quantize` de-quantises the file's blocks (Q4_1 and Q8_0): the same weights.
TEST(SmolLm2, LoraOverNativeBlocksEqualsLoraOverTheirValues) {
  auto path = testing::smollm2_path();
  if (!path) GTEST_SKIP() << "no SmolLM2 (set ATTUNE_SMOLLM2, or run scripts/setup.sh)";
  auto blocks = load_smollm2(*path, "native");
  for (const nn::Parameter& parameter : blocks->parameters().all()) {
    ASSERT_EQ(parameter.tensor.dim(), 1) << parameter.name << " is dense";
  }
  const LoraRun actual = run_lora(*blocks);
  blocks.reset();
  const LoraRun expected = run_lora(*load_smollm2(*path, ""));
  EXPECT_NEAR(actual.loss / expected.loss, 1.0, 1e-4);
  EXPECT_NEAR(actual.loss_without_recording / expected.loss, 1.0, 1e-4);
  ASSERT_EQ(actual.gradients.size(), 2 * 7 * 30u);
  for (size_t i = 0; i < actual.gradients.size(); ++i) {
    EXPECT_LE(relative_difference(actual.gradients[i], expected.gradients[i]), 1e-3) << i;
  }
}

}  // namespace
}  // namespace attune::engine::models
