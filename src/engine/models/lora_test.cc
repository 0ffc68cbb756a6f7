// Adapters on a decoder: PEFT's values, quantised bases, dropout with recompute, stacks by row.
#include "engine/models/golden_model.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "engine/nn/seeded.h"
#include "engine/tensor/test_device.h"
#include "tests/support/test_paths.h"
#include "weights/model_files.h"

namespace attune::engine::models {
namespace {

std::unique_ptr<Decoder> load_small(const std::string& name,
                                    const LoadOptions& options = {.device = test_device()}) {
  auto files = weights::ModelFiles::open(testing::source_path("tests/golden/models/" + name));
  auto decoder = Decoder::load(*files, options);
  EXPECT_TRUE(decoder.ok()) << decoder.error().message();
  return std::move(decoder).value();
}

ForwardOptions with_stack(std::vector<std::string> stack) {
  ForwardOptions options;
  options.adapters.stack = std::move(stack);
  return options;
}

class PeftParity : public ::testing::TestWithParam<const char*> {};

TEST_P(PeftParity, LogitsAndGradients) {
  const std::string folder =
      testing::source_path(std::string("tests/golden/models/adapters/") + GetParam());
  Json lora = read_json_file(join_path(folder, "lora.json")).value();
  GoldenModel golden = read_golden_model(lora.at("base").get<std::string>());
  golden.tensors = read_golden_tensors(join_path(folder, "golden.safetensors"));
  auto decoder = load_small(golden.name);
  Status loaded = decoder->adapters().load("peft", folder);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  decoder->adapters().set_trainable("peft", true);
  for (Packing packing : {Packing::kTree, Packing::kPacked}) {
    PathLogits run = run_paths(*decoder, golden, packing, with_stack({"peft"}));
    EXPECT_LE(logit_difference(run, golden), kTolerance);
    const double loss = lora.at("loss").get<double>();
    EXPECT_NEAR(run.loss.item<double>(), loss, kTolerance * loss);
    run.loss.backward();
    for (const nn::Parameter& parameter : decoder->adapters().parameters("peft")) {
      const Tensor& expected = golden.tensors.at("grad." + parameter.name);
      EXPECT_LE(relative_difference(parameter.tensor.grad(), expected), kTolerance)
          << parameter.name;
      parameter.tensor.mutable_grad().reset();
    }
  }
  PathLogits base = run_paths(*decoder, golden, Packing::kTree);
  EXPECT_GT(logit_difference(base, golden), 100 * kTolerance) << "the adapter changes nothing";
}

INSTANTIATE_TEST_SUITE_P(Adapters, PeftParity,
                         ::testing::Values("llama", "llama_rslora", "falcon_fused",
                                           "gpt2_transposed"),
                         [](const auto& test) { return std::string(test.param); });

// Adapter "a" on every linear layer, with a B that is not zero.
void add_adapter(Decoder& decoder, double share_dropped, const std::string& name = "a",
                 uint64_t seed = 5) {
  weights::LoraConfig config;
  config.r = 4;
  config.lora_dropout = share_dropped;
  config.target_modules = {"all-linear"};
  ASSERT_TRUE(decoder.adapters().create(name, config, seed).ok());
  at::NoGradGuard no_grad;
  for (nn::Parameter& parameter : decoder.adapters().parameters(name)) {
    if (parameter.name.find("lora_B") == std::string::npos) continue;
    nn::fill_normal(parameter.tensor, 0.1, seed++);
  }
}

std::vector<Tensor> adapter_gradients(Decoder& decoder, const std::string& name = "a") {
  std::vector<Tensor> gradients;
  for (nn::Parameter& parameter : decoder.adapters().parameters(name)) {
    gradients.push_back(parameter.tensor.grad().clone());
    parameter.tensor.mutable_grad().reset();
  }
  return gradients;
}

// A base in blocks against the same base with its weights de-quantised.
void expect_quantised_base(const std::string& model, const std::string& format) {
  GoldenModel golden = read_golden_model(model);
  auto blocks = load_small(model, {at::kFloat, format, false});
  EXPECT_LT(blocks->parameters().all().size(), 35u) << "matrices are still dense";
  auto dense = load_dequantised(model, format);
  add_adapter(*blocks, 0.0);
  add_adapter(*dense, 0.0);
  PathLogits a = run_paths(*blocks, golden, Packing::kTree, with_stack({"a"}));
  PathLogits b = run_paths(*dense, golden, Packing::kTree, with_stack({"a"}));
  const double loss = b.loss.item<double>();
  EXPECT_NEAR(a.loss.item<double>(), loss, 1e-4 * loss) << format;
  a.loss.backward();
  b.loss.backward();
  std::vector<Tensor> actual = adapter_gradients(*blocks);
  std::vector<Tensor> expected = adapter_gradients(*dense);
  for (size_t i = 0; i < actual.size(); ++i) {
    EXPECT_LE(relative_difference(actual[i], expected[i]), 1e-3) << format << " " << i;
  }
}

TEST(QuantisedBase, LossEqualsDequantisedWeights) {
  for (const char* format : {"q8_0", "q4_0", "q4_1"}) {
    expect_quantised_base("smollm2", format);
    expect_quantised_base("gpt2", format);
  }
}

TEST(LoraDropout, RecomputeSeesTheSameMasks) {
  GoldenModel golden = read_golden_model("smollm2");
  auto decoder = load_small("smollm2");
  add_adapter(*decoder, 0.3);
  ForwardOptions options = with_stack({"a"});
  options.training = true;
  options.dropout_seed = 11;
  auto run = [&](bool recompute, uint64_t seed) {
    options.recompute = recompute;
    options.dropout_seed = seed;
    PathLogits result = run_paths(*decoder, golden, Packing::kPacked, options);
    result.loss.backward();
    return std::pair(result.loss.item<double>(), adapter_gradients(*decoder));
  };
  auto [loss, gradients] = run(false, 11);
  auto [again_loss, again] = run(true, 11);
  EXPECT_EQ(loss, again_loss);
  for (size_t i = 0; i < gradients.size(); ++i) {
    EXPECT_LE(relative_difference(again[i], gradients[i]), 1e-6) << i;
  }
  EXPECT_NE(run(false, 12).first, loss);
}

TEST(AdapterStacks, OnePassServesSeveralRoles) {
  at::NoGradGuard no_grad;
  auto decoder = load_small("qwen3");
  add_adapter(*decoder, 0.0, "policy", 3);
  add_adapter(*decoder, 0.0, "value", 4);
  const std::vector<int32_t> ids = {3, 1, 4, 1, 5, 9, 2, 6};
  auto alone = [&](std::vector<std::string> stack) {
    PackedBatch batch;
    batch.add_root(ids);
    return decoder->forward(batch, with_stack(std::move(stack)));
  };
  PackedBatch batch;
  for (int i = 0; i < 3; ++i) batch.add_root(ids);
  ForwardOptions options;
  options.adapters.rows = {{8, 16, {"policy"}}, {16, 24, {"policy", "value"}}};
  Tensor together = decoder->forward(batch, options);
  Tensor apart = at::cat({alone({}), alone({"policy"}), alone({"policy", "value"})}, 0);
  EXPECT_LE(relative_difference(together, apart), kTolerance);
  EXPECT_GT(relative_difference(alone({"policy"}), alone({})), 100 * kTolerance);
}

// Hidden states of rows [begin, end) as a loss with different weights everywhere.
Tensor spread_loss(const Tensor& hidden, int64_t begin, int64_t end) {
  const Tensor rows = hidden.narrow(0, begin, end - begin);
  return (rows * on_test_device(at::arange(rows.numel())).view(rows.sizes()).sin()).sum();
}

// A stack for each segment of a tree: a shared prompt, one child that only the policy computes and
// one that the value's adapter joins, against both paths run alone; and both adapters' gradients.
TEST(AdapterStacks, SegmentsOfATreeHaveTheirOwn) {
  auto decoder = load_small("mistral");
  add_adapter(*decoder, 0.0, "policy", 3);
  add_adapter(*decoder, 0.0, "value", 4);
  const std::vector<int32_t> prompt = {3, 1, 4, 1, 5, 9, 2, 6, 5};
  const std::vector<int32_t> first = {8, 9, 7}, second = {9, 3, 2, 3};
  const std::vector<std::string> policy = {"policy"}, both = {"policy", "value"};
  const auto gradients = [&] {
    std::vector<Tensor> all = adapter_gradients(*decoder, "policy");
    for (Tensor& gradient : adapter_gradients(*decoder, "value")) all.push_back(gradient);
    return all;
  };

  PackedBatch tree;
  tree.add_child(tree.add_root(prompt), first);
  tree.add_child(0, second);
  ForwardOptions options;
  options.adapters.rows = {{0, 12, policy}, {12, 16, both}};
  const Tensor hidden = decoder->forward(tree, options);
  (spread_loss(hidden, 9, 12) + spread_loss(hidden, 12, 16)).backward();
  const std::vector<Tensor> found = gradients();

  const auto path = [&](const std::vector<int32_t>& answer, const std::vector<std::string>& stack) {
    PackedBatch batch;
    batch.add_child(batch.add_root(prompt), answer);
    const int64_t end = batch.layout.tokens();
    ForwardOptions of_path;
    of_path.adapters.rows = {{0, 9, policy}, {9, end, stack}};
    const Tensor alone = decoder->forward(batch, of_path);
    spread_loss(alone, 9, end).backward();
    return alone.narrow(0, 9, end - 9);
  };
  EXPECT_LE(relative_difference(hidden.narrow(0, 9, 3), path(first, policy)), kTolerance);
  EXPECT_LE(relative_difference(hidden.narrow(0, 12, 4), path(second, both)), kTolerance);
  const std::vector<Tensor> wanted = gradients();
  for (size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_LE(relative_difference(found[i], wanted[i]), kTolerance) << i;
  }
}

}  // namespace
}  // namespace attune::engine::models
