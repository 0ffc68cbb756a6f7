// Adapters on two hand-made linear layers: targets, stacks by row, dropout, files, errors.
#include "engine/nn/adapters.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "engine/nn/seeded.h"

namespace attune::engine::nn {
namespace {

Tensor noise(at::IntArrayRef shape, uint64_t seed) {
  Tensor tensor = at::zeros(shape);
  fill_normal(tensor, 1.0, seed);
  return tensor;
}

Adapters two_layers() {
  Adapters adapters;
  adapters.register_module("model.layers.0.self_attn.q_proj", 6, 4);
  adapters.register_module("model.layers.0.mlp.up_proj", 8, 4);
  return adapters;
}

weights::LoraConfig config_of(std::vector<std::string> targets) {
  weights::LoraConfig config;
  config.r = 2;
  config.lora_alpha = 3.0;
  config.target_modules = std::move(targets);
  return config;
}

constexpr const char* kQ = "model.layers.0.self_attn.q_proj";

// Adapter `name` on q_proj with a B that is not zero.
void add_noisy(Adapters& adapters, const std::string& name, uint64_t seed) {
  ASSERT_TRUE(adapters.create(name, config_of({"q_proj"}), seed).ok());
  at::NoGradGuard no_grad;
  adapters.parameters(name)[1].tensor.copy_(noise({6, 2}, seed + 1));
}

TEST(Adapters, FreshAdapterChangesNothing) {
  Adapters adapters = two_layers();
  ASSERT_TRUE(adapters.create("a", config_of({"all-linear"}), 1).ok());
  EXPECT_EQ(adapters.find("a")->pairs.size(), 2u);
  Tensor x = noise({3, 4}, 2);
  Tensor y = noise({3, 6}, 3);
  EXPECT_TRUE(at::equal(adapters.apply(kQ, x, y, {{"a"}, {}}), y));
  const LoraPair& pair = adapters.find("a")->pairs.at(kQ);
  EXPECT_LE(pair.a.abs().max().item<float>(), 0.5F);  // 1 / sqrt(4)
  EXPECT_GT(pair.a.abs().max().item<float>(), 0.2F);
  EXPECT_TRUE(pair.a.requires_grad() && pair.b.requires_grad());
}

TEST(Adapters, NoTargetsMeansTheUsualOnes) {
  Adapters adapters = two_layers();
  ASSERT_TRUE(adapters.create("a", config_of({}), 1).ok());
  EXPECT_EQ(adapters.find("a")->pairs.size(), 1u);
  EXPECT_EQ(adapters.find("a")->config.target_modules, std::vector<std::string>{"q_proj"});
}

TEST(Adapters, StacksByRows) {
  Adapters adapters = two_layers();
  add_noisy(adapters, "a", 10);
  add_noisy(adapters, "b", 20);
  at::NoGradGuard no_grad;
  Tensor x = noise({7, 4}, 2);
  Tensor y = noise({7, 6}, 3);
  auto share = [&](const char* name) {
    const LoraPair& p = adapters.find(name)->pairs.at(kQ);
    return at::linear(at::linear(x, p.a), p.b) * p.scale;
  };
  AdapterSelection selection;
  selection.rows = {{1, 3, {"a"}}, {3, 4, {}}, {4, 6, {"a", "b"}}};
  Tensor out = adapters.apply(kQ, x, y, selection);
  Tensor expected = y.clone();
  expected.narrow(0, 1, 2).add_(share("a").narrow(0, 1, 2));
  expected.narrow(0, 4, 2).add_((share("a") + share("b")).narrow(0, 4, 2));
  EXPECT_LT((out - expected).abs().max().item<float>(), 1e-6F);
  EXPECT_DOUBLE_EQ(adapters.find("a")->pairs.at(kQ).scale, 1.5);
}

// What layers can add by themselves: one pair, for all rows, without dropout.
TEST(Adapters, ASinglePairIsWhatAllRowsGet) {
  Adapters adapters = two_layers();
  weights::LoraConfig config = config_of({"q_proj"});
  config.lora_dropout = 0.5;
  ASSERT_TRUE(adapters.create("a", config, 1).ok());
  ASSERT_TRUE(adapters.create("b", config, 2).ok());
  const LoraPair* pair = &adapters.find("a")->pairs.at(kQ);
  const auto single = [&](const AdapterSelection& selection, bool training = false) {
    return adapters.single_pair(kQ, selection, {training, 1});
  };
  EXPECT_EQ(single({}), std::optional<const LoraPair*>(nullptr));
  EXPECT_EQ(single({{"a"}, {}}), std::optional(pair));
  EXPECT_EQ(single({{"a"}, {}}, /*training=*/true), std::nullopt);
  EXPECT_EQ(single({{"a", "b"}, {}}), std::nullopt);
  EXPECT_EQ(single({{}, {{0, 2, {"a"}}}}), std::nullopt);
  EXPECT_EQ(single({{}, {{0, 2, {}}}}), std::optional<const LoraPair*>(nullptr));
  EXPECT_EQ(adapters.single_pair("another", {{"a"}, {}}), std::optional<const LoraPair*>(nullptr));
}

TEST(Adapters, DropoutIsAFunctionOfItsSeed) {
  Tensor ones = at::zeros({100, 50}) + 1.0;
  Tensor a = dropout(ones, 0.25, 7);
  EXPECT_TRUE(at::equal(a, dropout(ones, 0.25, 7)));
  EXPECT_FALSE(at::equal(a, dropout(ones, 0.25, 8)));
  EXPECT_NEAR(a.mean().item<double>(), 1.0, 0.05);
  EXPECT_NEAR((a == 0).to(at::kFloat).mean().item<double>(), 0.25, 0.05);
}

TEST(Adapters, DropoutOnlyWhileTraining) {
  Adapters adapters = two_layers();
  weights::LoraConfig config = config_of({"q_proj"});
  config.lora_dropout = 0.5;
  ASSERT_TRUE(adapters.create("a", config, 1).ok());
  at::NoGradGuard no_grad;
  adapters.parameters("a")[1].tensor.copy_(noise({6, 2}, 5));
  Tensor x = noise({9, 4}, 2);
  Tensor y = at::zeros({9, 6});
  AdapterSelection on{{"a"}, {}};
  Tensor plain = adapters.apply(kQ, x, y, on);
  EXPECT_TRUE(at::equal(plain, adapters.apply(kQ, x, y, on, {false, 3})));
  Tensor dropped = adapters.apply(kQ, x, y, on, {true, 3});
  EXPECT_FALSE(at::equal(plain, dropped));
  EXPECT_TRUE(at::equal(dropped, adapters.apply(kQ, x, y, on, {true, 3})));
  EXPECT_FALSE(at::equal(dropped, adapters.apply(kQ, x, y, on, {true, 4})));
}

TEST(Adapters, FilesRoundTrip) {
  Adapters adapters = two_layers();
  add_noisy(adapters, "a", 10);
  TemporaryDirectory directory;
  const std::string folder = directory.file("adapter");
  Status saved = adapters.save("a", folder);
  ASSERT_TRUE(saved.ok()) << saved.error().message();
  Status loaded = adapters.load("again", folder);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  auto before = adapters.parameters("a");
  auto after = adapters.parameters("again");
  ASSERT_EQ(before.size(), after.size());
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(before[i].name, after[i].name);
    EXPECT_TRUE(at::equal(before[i].tensor, after[i].tensor));
    EXPECT_FALSE(after[i].tensor.requires_grad());
  }
  adapters.set_trainable("again", true);
  EXPECT_TRUE(adapters.parameters("again")[0].tensor.requires_grad());
  Adapters other;
  other.register_module(kQ, 6, 5);
  EXPECT_NE(other.load("a", folder).error().message().find("has 5 and 6"), std::string::npos);
}

TEST(Adapters, ErrorsNameWhatIsWrong) {
  Adapters adapters = two_layers();
  Status unknown = adapters.create("a", config_of({"q_porj"}), 1);
  ASSERT_FALSE(unknown.ok());
  EXPECT_NE(unknown.error().message().find("did you mean \"q_proj\""), std::string::npos)
      << unknown.error().message();
  weights::LoraConfig config = config_of({"q_proj"});
  config.r = 0;
  EXPECT_FALSE(adapters.create("a", config, 1).ok());
  config.r = 2;
  config.lora_dropout = 1.0;
  EXPECT_FALSE(adapters.create("a", config, 1).ok());
  config.lora_dropout = 0.0;
  ASSERT_TRUE(adapters.create("a", config, 1).ok());
  EXPECT_FALSE(adapters.create("a", config, 1).ok());
  EXPECT_FALSE(adapters.remove("b").ok());
  EXPECT_TRUE(adapters.remove("a").ok());
  EXPECT_FALSE(adapters.load("c", "/nonexistent").ok());
}

}  // namespace
}  // namespace attune::engine::nn
