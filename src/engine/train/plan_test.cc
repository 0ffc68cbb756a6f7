#include "engine/train/plan.h"

#include <gtest/gtest.h>

namespace attune::engine::train {
namespace {

constexpr int64_t kGiB = int64_t{1} << 30;

// A pass of 2048 tokens keeps 2 GiB of activations; the state takes 1 GiB.
constexpr MemoryNeed kNeed{.state_bytes = kGiB, .activation_bytes_per_token = kGiB / 1024,
                           .longest_row = 100};

bool recomputes(RecomputeChoice choice, int64_t free_bytes, const MemoryNeed& need = kNeed) {
  TrainingOptions options;
  options.recompute = choice;
  return make_plan(options, need, free_bytes).recompute;
}

TEST(PlanTest, RecomputeIsChosenFromFreeMemory) {
  EXPECT_FALSE(recomputes(RecomputeChoice::kAuto, 16 * kGiB));
  EXPECT_FALSE(recomputes(RecomputeChoice::kAuto, 5 * kGiB));  // 60 % of the rest is 2.4 GiB
  EXPECT_TRUE(recomputes(RecomputeChoice::kAuto, 4 * kGiB));   // 1.8 GiB
  EXPECT_TRUE(recomputes(RecomputeChoice::kAuto, kGiB / 2));   // less than the state alone
  EXPECT_TRUE(recomputes(RecomputeChoice::kAlways, 16 * kGiB));
  EXPECT_FALSE(recomputes(RecomputeChoice::kNever, 4 * kGiB));
}

TEST(PlanTest, ARowLongerThanAPassCountsWhole) {
  MemoryNeed need = kNeed;
  need.longest_row = 8192;
  EXPECT_TRUE(recomputes(RecomputeChoice::kAuto, 5 * kGiB, need));
}

TEST(PlanTest, ActivationsFollowTheModelsWidths) {
  models::DecoderConfig config;
  config.width = 100;
  config.feed_forward = 300;
  config.heads = 4;
  config.kv_heads = 2;
  config.head_width = 25;
  config.layers.resize(3);
  // Per layer and token: 5 D + (2 H + 2 Hk) Dh + 3 F floats.
  EXPECT_EQ(activation_bytes_per_token(config), 3 * (500 + 300 + 900) * 4);
}

TEST(PlanTest, IsTheSameAfterACheckpoint) {
  const Plan plan{.dtype = "bfloat16", .cpu = "avx2", .threads = 3, .max_tokens_per_batch = 77,
                  .recompute = true, .chunk_rows = 5};
  const Plan read = Plan::from_json(plan.to_json()).value();
  EXPECT_EQ(read.to_json(), plan.to_json());
  EXPECT_EQ(read.dtype, "bfloat16");
  EXPECT_TRUE(read.recompute);
  Json damaged = plan.to_json();
  damaged.erase("threads");
  EXPECT_FALSE(Plan::from_json(damaged).ok());
}

TEST(PlanTest, SaysWhatKeepsAMachineFromRepeatingIt) {
  const Plan plan{.cpu = "avx512", .threads = 8};
  EXPECT_TRUE(differences(plan, 8, "avx512").empty());
  EXPECT_TRUE(differences(plan, 16, "avx512").empty());
  EXPECT_EQ(differences(plan, 2, "avx2").size(), 2U);
}

}  // namespace
}  // namespace attune::engine::train
