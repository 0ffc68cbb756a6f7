#include "engine/train/on_policy/rollouts.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "engine/generate/small_model.h"
#include "engine/models/score_head.h"
#include "engine/train/on_policy/ppo_roles.h"

namespace attune::engine::train {
namespace {

PromptRow prompt_row(const std::string& text, int64_t number) {
  PromptRow row;
  row.ids = testing::byte_tokenizer().encode(text);
  row.prompt = text;
  row.name = {"prompts.jsonl", number};
  return row;
}

const std::vector<PromptRow>& prompts() {
  static const std::vector<PromptRow> rows = {prompt_row("what is it", 1), prompt_row("say", 2),
                                              prompt_row("say", 3), prompt_row("and so on", 4)};
  return rows;
}

RolloutOptions options_of(int64_t samples) {
  RolloutOptions options;
  options.samples = samples;
  options.response_length = 12;
  options.temperature = 0.7;
  options.seed = 5;
  // Many ids end a sample, so that lengths differ within a few tokens.
  for (int32_t id = 200; id <= testing::kEndId; ++id) options.stop_ids.push_back(id);
  return options;
}

std::vector<Rollout> roll(models::Decoder& decoder, const std::vector<int64_t>& rows, int64_t step,
                          const RolloutOptions& options) {
  auto rollouts =
      make_rollouts(decoder, testing::byte_tokenizer(), prompts(), rows, step, options);
  EXPECT_TRUE(rollouts.ok()) << rollouts.error().message();
  return rollouts.ok() ? *rollouts : std::vector<Rollout>();
}

std::vector<std::vector<int32_t>> ids_of(const std::vector<Rollout>& rollouts) {
  std::vector<std::vector<int32_t>> ids;
  for (const Rollout& rollout : rollouts) {
    for (const models::TokenBranch& branch : rollout.tree.branches) ids.push_back(branch.ids);
  }
  return ids;
}

TEST(RolloutsTest, SamplesEndAtTheFirstStopTokenOrAtTheirLength) {
  const auto decoder = testing::small_decoder();
  const RolloutOptions options = options_of(3);
  const auto rollouts = roll(*decoder, {0, 3}, 0, options);
  ASSERT_EQ(rollouts.size(), 2U);
  std::set<size_t> lengths;
  for (const Rollout& rollout : rollouts) {
    EXPECT_EQ(rollout.tree.prompt, prompts()[static_cast<size_t>(rollout.row)].ids);
    ASSERT_EQ(rollout.samples.size(), 3U);
    for (size_t i = 0; i < 3; ++i) {
      const std::vector<int32_t>& ids = rollout.tree.branches[i].ids;
      EXPECT_EQ(rollout.samples[i].log_probs.size(), ids.size());
      for (size_t t = 0; t < ids.size(); ++t) {
        const bool stop = ids[t] >= 200 && ids[t] <= testing::kEndId;
        EXPECT_EQ(stop, rollout.samples[i].ended && t + 1 == ids.size());
      }
      EXPECT_TRUE(rollout.samples[i].ended || ids.size() == 12U);
      lengths.insert(ids.size());
    }
  }
  EXPECT_GT(lengths.size(), 1U) << "the case is too easy: all samples have one length";
}

// Cutting a sample of fixed length at its first stop token gives the sample that stopped there.
TEST(RolloutsTest, StoppingEqualsAFixedLengthThatIsCutAfterwards) {
  const auto decoder = testing::small_decoder();
  RolloutOptions fixed = options_of(4);
  const auto stopped = roll(*decoder, {0, 1, 3}, 2, fixed);
  fixed.stop_ids.clear();
  const auto whole = roll(*decoder, {0, 1, 3}, 2, fixed);
  const auto short_ids = ids_of(stopped);
  const auto long_ids = ids_of(whole);
  for (size_t i = 0; i < short_ids.size(); ++i) {
    ASSERT_EQ(long_ids[i].size(), 12U);
    EXPECT_TRUE(std::equal(short_ids[i].begin(), short_ids[i].end(), long_ids[i].begin())) << i;
  }
}

TEST(RolloutsTest, SeedStepAndRowDecideAloneWhatIsSampled) {
  const auto decoder = testing::small_decoder();
  RolloutOptions options = options_of(2);
  const auto all = ids_of(roll(*decoder, {0, 1, 2, 3}, 4, options));
  const auto again = ids_of(roll(*decoder, {3, 1}, 4, options));
  EXPECT_EQ(again[0], all[6]);
  EXPECT_EQ(again[1], all[7]);
  EXPECT_EQ(again[2], all[2]);
  EXPECT_NE(all[2], all[4]);  // rows 1 and 2 have the same prompt
  EXPECT_NE(ids_of(roll(*decoder, {0, 1, 2, 3}, 5, options)), all);
  options.seed = 6;
  EXPECT_NE(ids_of(roll(*decoder, {0, 1, 2, 3}, 4, options)), all);
  options.seed = 5;
  const auto twice = ids_of(roll(*decoder, {1, 1}, 4, options));
  EXPECT_EQ(twice[0], all[2]);
  EXPECT_NE(twice[2], twice[0]);
}

// Of every state that has one, though the last token of a sample is not needed to sample another;
// what is sampled stays as it is.
TEST(RolloutsTest, CapturedValuesAreThoseOfTheTrainingPath) {
  const auto decoder = testing::small_decoder();
  RolloutOptions options = options_of(3);
  const auto without = ids_of(roll(*decoder, {0, 1, 3}, 2, options));
  options.value_head = models::new_score_weight(decoder->config().width, {.seed = 8});
  options.rows_max = 3;  // prompts wait for samples that have their tokens but not all values
  const std::vector<Rollout> rollouts = roll(*decoder, {0, 1, 3}, 2, options);
  EXPECT_EQ(ids_of(rollouts), without);
  PpoRoles roles;
  roles.policy = roles.reference = roles.value = {decoder.get(), {}};
  roles.value_head = options.value_head;
  const SampleValues measured = measure(roles, rollouts, {.policy = false}).values;
  const SampleValues captured = captured_values(rollouts);
  ASSERT_EQ(captured.size(), 9U);
  size_t early = 0;
  for (size_t i = 0; i < captured.size(); ++i) {
    const size_t tokens = without[i].size();
    const bool ended_early = tokens < 12;
    early += ended_early ? 1 : 0;
    ASSERT_EQ(captured[i].size(), tokens + (ended_early ? 1 : 0));
    for (size_t t = 0; t < captured[i].size(); ++t) {
      EXPECT_NEAR(captured[i][t], measured[i][t], 1e-5) << i << " " << t;
    }
  }
  EXPECT_GT(early, 1U);
  EXPECT_LT(early, 9U);
}

TEST(RolloutsTest, CapturedValuesOfTheShortestSamples) {
  const auto decoder = testing::small_decoder();
  RolloutOptions options = options_of(4);
  options.value_head = models::new_score_weight(decoder->config().width, {.seed = 8});
  options.response_length = 1;
  for (const std::vector<float>& values : captured_values(roll(*decoder, {0, 3}, 2, options))) {
    EXPECT_EQ(values.size(), 1U) << "nothing behind an answer of full length";
  }
  options.response_length = 12;
  for (int32_t id = 0; id < testing::kSmallVocabulary; ++id) options.stop_ids.push_back(id);
  for (const std::vector<float>& values : captured_values(roll(*decoder, {0, 3}, 2, options))) {
    EXPECT_EQ(values.size(), 2U) << "the first token ends the answer";
  }
}

TEST(RolloutsTest, SharesOfAStepAreTheWholeStep) {
  const auto decoder = testing::small_decoder();
  const RolloutOptions options = options_of(2);
  const std::vector<int64_t> rows = {3, 1, 1, 0, 2};  // one of them twice
  const auto whole = ids_of(roll(*decoder, rows, 4, options));
  std::vector<std::vector<int32_t>> parts(whole.size());
  for (int rank = 0; rank < 3; ++rank) {
    auto made = make_rollouts(*decoder, testing::byte_tokenizer(), prompts(), rows, 4, options,
                              {rank, 3});
    ASSERT_TRUE(made.ok());
    const auto ids = ids_of(*made);
    size_t next = 0;
    for (size_t place = static_cast<size_t>(rank); place < rows.size(); place += 3) {
      parts[2 * place] = ids.at(next++);
      parts[2 * place + 1] = ids.at(next++);
    }
    EXPECT_EQ(next, ids.size());
  }
  EXPECT_EQ(parts, whole);
}

TEST(RolloutsTest, TheTrainingPathGivesTheCapturedLogProbs) {
  const auto decoder = testing::small_decoder();
  const RolloutOptions options = options_of(3);
  const auto rollouts = roll(*decoder, {0, 1, 2, 3}, 0, options);
  const SampleValues captured = captured_log_probs(rollouts);
  for (int64_t tokens : {1, 40, 2048}) {
    const SampleValues path = rollout_log_probs(
        *decoder, rollouts, {.adapters = {}, .temperature = 0.7, .max_tokens_per_batch = tokens});
    std::map<std::string, double> metrics;
    add_path_difference(captured, path, &metrics);
    ASSERT_EQ(path.size(), captured.size());
    for (size_t i = 0; i < path.size(); ++i) EXPECT_EQ(path[i].size(), captured[i].size());
    EXPECT_LT(metrics["sampling/sampling_logp_difference/max"], 1e-4);
  }
  // At another temperature they are others.
  std::map<std::string, double> metrics;
  add_path_difference(captured, rollout_log_probs(*decoder, rollouts, {}), &metrics);
  EXPECT_GT(metrics["sampling/sampling_logp_difference/max"], 0.1);
}

class FixedReward : public RewardSource {
 public:
  explicit FixedReward(std::vector<double> scores) : scores_(std::move(scores)) {}
  Result<std::vector<double>> score(const std::vector<RewardRequest>& requests) override {
    asked = requests;
    return scores_;
  }
  std::vector<RewardRequest> asked;

 private:
  std::vector<double> scores_;
};

TEST(RolloutsTest, ScoresGoToTheirSamples) {
  const auto decoder = testing::small_decoder();
  auto rollouts = roll(*decoder, {3, 0}, 0, options_of(2));
  FixedReward reward({1, 2, 3, 4});
  ASSERT_TRUE(score_rollouts(reward, prompts(), &rollouts).ok());
  EXPECT_EQ(rollouts[1].samples[0].score, 3);
  EXPECT_EQ(reward.asked[2].prompt->name.number, 1);
  EXPECT_EQ(reward.asked[2].completion, rollouts[1].tree.branches[0].ids);
  EXPECT_EQ(reward.asked[2].text, rollouts[1].samples[0].text);
}

TEST(RolloutsTest, AScoreThatIsNoNumberOrIsMissingIsRefusedByName) {
  const auto decoder = testing::small_decoder();
  auto rollouts = roll(*decoder, {3, 0}, 0, options_of(2));
  FixedReward broken({1, 2, std::numeric_limits<double>::quiet_NaN(), 4});
  const Status status = score_rollouts(broken, prompts(), &rollouts);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message().find("prompts.jsonl row 1 is no number"), std::string::npos)
      << status.error().message();
  FixedReward few({1, 2, 3});
  const Status missing = score_rollouts(few, prompts(), &rollouts);
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().message().find("3 scores for 4 answers"), std::string::npos);
}

TEST(RolloutsTest, LengthsAreReportedAsTrlDoes) {
  Rollout rollout;
  rollout.tree.branches = {{{1, 2, 3}, 0}, {{1, 2, 3, 4, 5}, 0}};
  rollout.samples = {{{}, {}, "", true, 0}, {{}, {}, "", false, 0}};
  std::map<std::string, double> metrics;
  add_length_metrics({rollout}, &metrics);
  EXPECT_EQ(metrics["completions/mean_length"], 4);
  EXPECT_EQ(metrics["completions/max_length"], 5);
  EXPECT_EQ(metrics["completions/mean_terminated_length"], 3);
  EXPECT_EQ(metrics["completions/clipped_ratio"], 0.5);
}

}  // namespace
}  // namespace attune::engine::train
