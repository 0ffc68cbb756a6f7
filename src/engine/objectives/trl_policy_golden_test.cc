// Advantages, importance weights and policy losses of GRPO's kin and of RLOO against TRL's own
// code.
#include "engine/objectives/group_policy.h"

#include <ATen/ops/sum.h>
#include <gtest/gtest.h>

#include "engine/objectives/group_advantages.h"
#include "engine/objectives/rollout_rewards.h"
#include "engine/objectives/trl_golden.h"

namespace attune::engine::objectives {
namespace {

using engine::testing::gradients;
using testing::expect_near;
using testing::floats;
using testing::label_of;
using testing::trl_advantages;
using testing::trl_golden;

GroupTokens tokens_of(const Json& golden, const Tensor& log_probs) {
  return {log_probs, floats(golden["old"]), floats(golden["reference"]), {},
          floats(golden["advantages"])};
}

Tensor step_loss(const PolicyLosses& losses) {
  return at::sum(losses.loss) / at::sum(losses.units).item<double>();
}

GroupPolicyOptions options_of(const Json& record) {
  GroupPolicyOptions options;
  options.aggregation = parse_aggregation(record["loss_type"].get<std::string>()).value();
  options.level =
      record["level"] == "token" ? ImportanceLevel::kToken : ImportanceLevel::kSequence;
  options.clip_low = record["epsilon"];
  options.clip_high = record["epsilon_high"];
  options.ratio_cap = record["delta"].is_null() ? 0 : record["delta"].get<double>();
  options.beta = record["beta"];
  options.max_completion_length = record["max_completion_length"];
  return options;
}

// TRL averages a clip ratio over tokens; of a whole-sequence ratio, over sequences.
double clip_mean(const Tensor& clipped, const GroupPolicyOptions& options, const Spans& spans) {
  return (options.level == ImportanceLevel::kToken ? clipped : spans.means(clipped))
      .mean()
      .item<double>();
}

TEST(TrlGolden, GroupPolicy) {
  const Json& golden = trl_golden()["group_policy"];
  const Spans spans(golden["lengths"].get<std::vector<int64_t>>());
  const Tensor log_probs = floats(golden["log_probs"]);
  ASSERT_EQ(golden["cases"].size(), 11u);
  for (const Json& record : golden["cases"]) {
    const GroupPolicyOptions options = options_of(record);
    const auto losses = [&](const Tensor& x) {
      GroupTokens tokens = tokens_of(golden, x);
      if (record["corrected"].get<bool>()) tokens.correction = floats(golden["correction"]);
      return group_policy_losses(tokens, spans, options);
    };
    const auto loss = [&](const std::vector<Tensor>& x) { return step_loss(losses(x[0])); };
    expect_near(loss({log_probs}).item<double>(), record["loss"], label_of(record));
    expect_near(gradients(loss, {log_probs})[0], floats(record["gradient"]), label_of(record));
    const PolicyLosses got = losses(log_probs);
    const Json& metrics = record["metrics"];
    const auto compare = [&](const char* name, double value) {
      if (metrics.contains(name)) expect_near(value, metrics[name], label_of(record) + name);
    };
    compare("clip_ratio/low_mean", clip_mean(got.clipped_low, options, spans));
    compare("cispo_clip_ratio", got.clipped_high.mean().item<double>());
    compare("clip_ratio/high_mean", clip_mean(got.clipped_high, options, spans));
    EXPECT_EQ(metrics.contains("kl"), got.kl.defined());
    if (got.kl.defined()) compare("kl", got.kl.mean().item<double>());
  }
}

TEST(TrlGolden, Rloo) {
  const Json& golden = trl_golden()["group_policy"];
  const Json& record = golden["rloo"];
  const Spans spans(golden["lengths"].get<std::vector<int64_t>>());
  const Tensor log_probs = floats(golden["log_probs"]);
  const auto losses = [&](const Tensor& x) {
    return rloo_losses(tokens_of(golden, x), spans, record["epsilon"], record["epsilon_high"]);
  };
  const auto loss = [&](const std::vector<Tensor>& x) { return step_loss(losses(x[0])); };
  expect_near(loss({log_probs}).item<double>(), record["loss"], "rloo");
  expect_near(gradients(loss, {log_probs})[0], floats(record["gradient"]), "rloo");
  const PolicyLosses got = losses(log_probs);
  expect_near(got.clipped_low.mean().item<double>(), record["metrics"]["clip_ratio/low_mean"],
              "low");
  expect_near(got.clipped_high.mean().item<double>(), record["metrics"]["clip_ratio/high_mean"],
              "high");
}

// Two prompts of four completions, the second with equal rewards.
TEST(TrlGolden, GrpoAdvantages) {
  const Json& golden = trl_advantages();
  const Tensor rewards = floats(golden["rewards"]);
  const int64_t each = golden["generations"];
  const Spans groups({each, each});
  ASSERT_EQ(golden["grpo"].size(), 3u);
  for (const Json& record : golden["grpo"]) {
    const std::string scale = record["scale"];
    const GroupOptions options{.scale = parse_reward_scale(scale).value()};
    expect_near(grpo_advantages(rewards, groups, options), floats(record["advantages"]), scale);
  }
  const Tensor equal = (group_deviations(rewards, groups) == 0).to(at::kDouble);
  expect_near(equal.mean().item<double>(), golden["grpo"][0]["metrics"]["frac_reward_zero_std"],
              "frac_reward_zero_std");
}

TEST(TrlGolden, RlooAdvantages) {
  const Json& golden = trl_advantages();
  const Spans tokens(golden["lengths"].get<std::vector<int64_t>>());
  const int64_t each = golden["generations"];
  const Tensor kl =
      kl_terms(floats(golden["old"]), floats(golden["reference"]), KlEstimator::kK1);
  ASSERT_EQ(golden["rloo"].size(), 4u);
  for (const Json& record : golden["rloo"]) {
    const Tensor rewards =
        floats(golden["rewards"]) - record["beta"].get<double>() * tokens.sums(kl);
    expect_near(rloo_advantages(rewards, Spans({each, each}), record["normalise"].get<bool>()),
                floats(record["advantages"]), "rloo");
  }
}

TEST(TrlGolden, ImportanceCorrection) {
  const Json& golden = trl_advantages();
  const Spans tokens(golden["lengths"].get<std::vector<int64_t>>());
  ASSERT_EQ(golden["importance"].size(), 4u);
  for (const Json& record : golden["importance"]) {
    const std::string mode = record["mode"];
    ImportanceCorrection correction;
    correction.level =
        mode.starts_with("token") ? ImportanceLevel::kToken : ImportanceLevel::kSequence;
    correction.masked = mode.ends_with("mask");
    correction.low = record["low"].is_null() ? 0 : record["low"].get<double>();
    correction.high = record["high"];
    expect_near(importance_correction(floats(golden["old"]), floats(golden["sampler"]), tokens,
                                      correction),
                floats(record["weights"]), mode);
  }
}

}  // namespace
}  // namespace attune::engine::objectives
