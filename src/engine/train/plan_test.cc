// The plan of a run: recompute from free memory, its estimate against measured memory, its record.
#include "engine/train/plan.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "engine/models/decoder.h"
#include "engine/tensor/arena.h"
#include "engine/train/checkpoint_store.h"
#include "engine/train/testing/golden_run.h"
#include "tests/support/test_paths.h"

namespace attune::engine::train {
namespace {

constexpr int64_t kState = 1'000'000;

// Free memory of which 60 %, after the state, hold `bytes`.
int64_t free_for(int64_t bytes) { return kState + (bytes / 6 + 1) * 10; }

TEST(PlanTest, RecomputeFollowsFreeMemory) {
  TrainingOptions options;
  options.batch.max_tokens_per_batch = 1000;
  MemoryNeed need{kState, 3000, 10};
  EXPECT_FALSE(make_plan(options, need, free_for(3'000'000)).recompute);
  EXPECT_TRUE(make_plan(options, need, free_for(2'999'000)).recompute);
  EXPECT_TRUE(make_plan(options, need, kState / 2).recompute) << "not even the state fits";
  need.longest_row = 1500;  // runs alone in a pass of its own length
  EXPECT_TRUE(make_plan(options, need, free_for(3'000'000)).recompute);
  EXPECT_FALSE(make_plan(options, need, free_for(4'500'000)).recompute);
}

TEST(PlanTest, RecomputeAsAsked) {
  TrainingOptions options;
  const MemoryNeed need{kState, 3000, 10};
  options.recompute = RecomputeChoice::kAlways;
  EXPECT_TRUE(make_plan(options, need, free_for(1'000'000'000)).recompute);
  options.recompute = RecomputeChoice::kNever;
  EXPECT_FALSE(make_plan(options, need, 0).recompute);
}

// Where nothing was asked for and they fit.
TEST(PlanTest, WidePassesWhereTheyAreBetter) {
  TrainingOptions options;
  MemoryNeed need{kState, 3000, 10};
  EXPECT_EQ(make_plan(options, need, free_for(3000 * 9000)).max_tokens_per_batch, 2048);
  need.prefers_wide_passes = true;
  EXPECT_EQ(make_plan(options, need, free_for(3000 * 9000)).max_tokens_per_batch, 8192);
  EXPECT_EQ(make_plan(options, need, free_for(3000 * 5000)).max_tokens_per_batch, 4096);
  EXPECT_EQ(make_plan(options, need, free_for(3000 * 3000)).max_tokens_per_batch, 2048);
  options.batch.max_tokens_per_batch = 100;
  EXPECT_EQ(make_plan(options, need, free_for(3000 * 9000)).max_tokens_per_batch, 100);
}

TEST(PlanTest, IsStoredWhole) {
  Plan plan;
  plan.dtype = "bfloat16";
  plan.cpu = "x86-64 avx2";
  plan.threads = 3;
  plan.max_tokens_per_batch = 77;
  plan.recompute = true;
  plan.chunk_rows = 19;
  plan.products = "own";
  const Json whole = plan.to_json();
  const Plan again = Plan::from_json(parse_json(whole.dump()).value()).value();
  EXPECT_EQ(again.to_json(), whole);
  EXPECT_TRUE(again.recompute);
  for (const auto& [key, value] : whole.items()) {
    Json without = whole;
    without.erase(key);
    EXPECT_FALSE(Plan::from_json(without).ok()) << key;
  }
}

TEST(PlanTest, SaysWhatThisMachineCannotRepeat) {
  Plan plan;
  plan.threads = 4;
  plan.cpu = "x86-64 avx2 avx512";
  EXPECT_TRUE(differences(plan, 4, "x86-64 avx2 avx512").empty());
  EXPECT_EQ(differences(plan, 2, "x86-64 avx2 avx512").size(), 1U);
  EXPECT_EQ(differences(plan, 2, "x86-64 avx2").size(), 2U);
}

// The choice stands on an estimate; this is what a pass really keeps for its backward.
class KeptActivations : public ::testing::TestWithParam<const char*> {
 protected:
  static int64_t kept_bytes(models::Decoder& decoder, bool recompute, bool adapters = false) {
    models::PackedBatch batch;
    const std::vector<int32_t> ids(512, 7);
    batch.add_root(ids);
    decoder.forward(batch);  // tables that stay
    const int64_t before = arena_statistics().in_use_bytes;
    models::ForwardOptions options;
    options.recompute = recompute;
    if (adapters) options.adapters.stack = {"lora"};
    const Tensor hidden = decoder.forward(batch, options);
    EXPECT_TRUE(hidden.requires_grad());
    return arena_statistics().in_use_bytes - before;
  }
};

TEST_P(KeptActivations, AreWhatThePlanReckonsWith) {
  install_arena();
  const auto config = models::decoder_config(parse_json(GetParam()).value());
  ASSERT_TRUE(config.ok()) << config.error().message();
  models::LoadOptions load;
  load.trainable = true;
  const auto decoder = models::Decoder::random(*config, 1, 0.02, load);
  const auto reckoned = [&](bool adapters) {
    return 512.0 * static_cast<double>(activation_bytes_per_token(*config, adapters));
  };
  const double kept = static_cast<double>(kept_bytes(*decoder, false));
  EXPECT_GT(kept, 0.9 * reckoned(false));
  EXPECT_LT(kept, 1.1 * reckoned(false));
  EXPECT_LT(static_cast<double>(kept_bytes(*decoder, true)), 0.3 * kept);
  weights::LoraConfig lora;
  lora.r = 4;
  lora.target_modules = {"all-linear"};
  ASSERT_TRUE(decoder->adapters().create("lora", lora, 1).ok());
  decoder->adapters().set_trainable("lora", true);
  const double with_adapters = static_cast<double>(kept_bytes(*decoder, false, true));
  EXPECT_GT(with_adapters, 0.5 * reckoned(true));  // frozen weights need fewer inputs
  EXPECT_LT(with_adapters, 1.2 * reckoned(true));  // and the low ranks are kept
}

INSTANTIATE_TEST_SUITE_P(
    Families, KeptActivations,
    ::testing::Values(
        R"({"model_type": "llama", "vocab_size": 64, "hidden_size": 256, "num_hidden_layers": 6,
            "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 688})",
        R"({"model_type": "falcon", "vocab_size": 64, "hidden_size": 256, "num_hidden_layers": 6,
            "num_attention_heads": 4})",
        R"({"model_type": "gpt2", "vocab_size": 64, "n_embd": 256, "n_layer": 6, "n_head": 4})"),
    [](const auto& test) {
      return parse_json(test.param).value()["model_type"].template get<std::string>();
    });

TEST(PlanTest, TheRunRecordsIt) {
  const std::string tiny = testing::source_path("tests/golden/train/tiny");
  const Json golden =
      read_json_file(testing::source_path("tests/golden/train/sft_tiny.json")).value();
  const TemporaryDirectory run;
  Variant variant;
  variant.plan.recompute = true;
  variant.plan.chunk_rows = 9;
  variant.config = {{"max_steps", 1}, {"save_strategy", "steps"}, {"save_steps", 1}};
  const auto steps = train_golden(tiny, golden, variant, run.path());
  ASSERT_TRUE(steps.ok()) << steps.error().message();
  const std::vector<Json> start = events_of(run.path(), "start");
  ASSERT_EQ(start.size(), 1U);
  EXPECT_EQ(start[0]["plan"], variant.plan.to_json());
  const auto checkpoint = CheckpointStore::open(run.file("checkpoints/step-1"));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.error().message();
  EXPECT_EQ(checkpoint->state.value("plan", Json()), variant.plan.to_json());
}

}  // namespace
}  // namespace attune::engine::train
