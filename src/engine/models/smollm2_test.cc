// A published model, as GGUF and as Transformers computes it.
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "engine/models/decoder.h"
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

}  // namespace
}  // namespace attune::engine::models
