// Every family against Transformers, on the small models of tests/golden/models: logits and the
// gradients of all parameters, for plain, packed and tree-shaped batches alike. What this
// comparison catches is in mistakes_test.cc.
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "engine/models/golden_model.h"
#include "engine/tensor/test_device.h"
#include "weights/model_files.h"

namespace attune::engine::models {
namespace {

// Gradients that are zero but for rounding are held to this share of the model's largest one.
constexpr double kSmallestScale = 1e-4;

class FamilyParity : public ::testing::TestWithParam<std::string> {
 protected:
  FamilyParity()
      : golden_(read_golden_model(GetParam())),
        files_(weights::ModelFiles::open(golden_.folder).value()),
        config_(decoder_config(files_.config()).value()) {}

  std::unique_ptr<Decoder> load(const DecoderConfig& config, bool trainable) {
    LoadOptions options;
    options.trainable = trainable;
    options.device = test_device();
    auto decoder = Decoder::load(files_, config, options);
    EXPECT_TRUE(decoder.ok()) << decoder.error().message();
    return std::move(decoder).value();
  }

  double largest_gradient() const {
    double largest = 0.0;
    for (const auto& [name, tensor] : golden_.tensors) {
      if (!name.starts_with("grad.")) continue;
      largest = std::max(largest, tensor.abs().max().item<double>());
    }
    return largest;
  }

  void expect_gradients(Decoder& decoder) {
    const double floor = kSmallestScale * largest_gradient();
    size_t compared = 0;
    for (const nn::Parameter& parameter : decoder.parameters().all()) {
      auto expected = golden_.tensors.find("grad." + parameter.name);
      ASSERT_NE(expected, golden_.tensors.end()) << parameter.name;
      ASSERT_TRUE(parameter.tensor.grad().defined()) << parameter.name;
      const Tensor gradient = parameter.tensor.grad().to(at::kCPU);
      const Tensor difference = (gradient - expected->second).abs().max();
      const double scale = std::max(expected->second.abs().max().item<double>(), floor);
      EXPECT_LE(difference.item<double>() / scale, kTolerance) << parameter.name;
      ++compared;
    }
    const auto logits = std::count_if(golden_.tensors.begin(), golden_.tensors.end(), [](auto& t) {
      return t.first.starts_with("logits.");
    });
    EXPECT_EQ(compared + static_cast<size_t>(logits), golden_.tensors.size());
  }

  void expect_parity(Packing packing, bool recompute) {
    auto decoder = load(config_, /*trainable=*/true);
    ForwardOptions options;
    options.recompute = recompute;
    PathLogits run = run_paths(*decoder, golden_, packing, options);
    EXPECT_LE(logit_difference(run, golden_), kTolerance);
    EXPECT_NEAR(run.loss.item<double>(), golden_.loss, kTolerance * golden_.loss);
    run.loss.backward();
    expect_gradients(*decoder);
  }

  GoldenModel golden_;
  weights::ModelFiles files_;
  DecoderConfig config_;
};

TEST_P(FamilyParity, Plain) { expect_parity(Packing::kPlain, false); }
TEST_P(FamilyParity, Packed) { expect_parity(Packing::kPacked, false); }
TEST_P(FamilyParity, Tree) { expect_parity(Packing::kTree, false); }
TEST_P(FamilyParity, TreeWithRecompute) { expect_parity(Packing::kTree, true); }

// Far beyond every context, where the rounding of positions shows: long.safetensors has the last
// rows of one sequence.
TEST_P(FamilyParity, LongSequence) {
  const std::string path = join_path(golden_.folder, "long.safetensors");
  if (config_.positions == PositionKind::kLearned) {
    EXPECT_FALSE(exists(path));
    GTEST_SKIP() << "learned positions end with the context";
  }
  at::NoGradGuard no_grad;
  const Tensor expected = read_golden_tensors(path).at("logits");
  std::vector<int32_t> tokens;
  for (int32_t i = 0; i < 700; ++i) tokens.push_back((7 * i * i + 3 * i) % 61);
  PackedBatch batch;
  batch.add_root(tokens);
  auto decoder = load(config_, /*trainable=*/false);
  const Tensor hidden = decoder->forward(batch);
  const Tensor last = decoder->logits(hidden.narrow(0, 700 - expected.size(0), expected.size(0)));
  EXPECT_LE(relative_difference(last, expected), kTolerance);
}

INSTANTIATE_TEST_SUITE_P(Families, FamilyParity, ::testing::ValuesIn(golden_model_names()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace attune::engine::models
