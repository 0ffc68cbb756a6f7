#include "engine/train/on_policy/rollout_ranks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <mutex>
#include <stdexcept>

#include "base/log.h"
#include "engine/comm/thread_ranks.h"
#include "engine/generate/small_model.h"
#include "engine/models/score_head.h"
#include "engine/tensor/test_device.h"
#include "engine/train/on_policy/ppo_small_run.h"
#include "engine/train/on_policy/small_on_policy.h"
#include "engine/train/testing/golden_run.h"

namespace attune::engine::train {
namespace {

class RolloutRanks : public ::testing::Test {
 protected:
  void TearDown() override { set_log_level(before_); }

 private:
  LogLevel before_ = log_level();
};

const std::vector<PromptRow>& prompts() {
  static const auto rows =
      small_prompt_rows({"Say", "one two", "Hello there", "?", "x"}, "p.jsonl");
  return rows;
}

RolloutOptions options() {
  RolloutOptions options;
  options.samples = 2;
  options.response_length = 6;
  options.stop_ids = {testing::kEndId, 'a', 'b', 'c', 'd', 'e'};
  options.value_head = on_test_device(models::new_score_weight(32, {.seed = 6}));
  return options;
}

// Counts who is asked about what; the score of an answer is its length.
struct Asked {
  std::mutex mutex;
  std::vector<std::string> texts;

  std::unique_ptr<WeightedRewards> reward() {
    return function_reward([this](const RewardRequest& request) {
      const std::lock_guard lock(mutex);
      texts.push_back(fmt::format("{}: {}", request.prompt->name.number, request.text));
      return static_cast<double>(request.completion.size());
    });
  }
};

Result<Answers> answers_of(comm::Communicator* ranks, RewardSource& reward) {
  const auto decoder = testing::small_decoder();
  const std::vector<int64_t> rows = {4, 0, 2, 3, 1};
  return answer_together(
      ranks, prompts(),
      [&](const RowShare& share) {
        return make_rollouts(*decoder, testing::byte_tokenizer(), prompts(), rows, 3, options(),
                             share);
      },
      &reward);
}

void expect_equal(const std::vector<Rollout>& a, const std::vector<Rollout>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].row, b[i].row);
    EXPECT_EQ(a[i].tree.prompt, b[i].tree.prompt);
    ASSERT_EQ(a[i].samples.size(), b[i].samples.size());
    for (size_t k = 0; k < a[i].samples.size(); ++k) {
      EXPECT_EQ(a[i].tree.branches[k].ids, b[i].tree.branches[k].ids);
      EXPECT_EQ(a[i].samples[k].text, b[i].samples[k].text);
      EXPECT_EQ(a[i].samples[k].ended, b[i].samples[k].ended);
      EXPECT_EQ(a[i].samples[k].score, b[i].samples[k].score);
      EXPECT_GE(a[i].samples[k].values.size(), a[i].tree.branches[k].ids.size());
      EXPECT_EQ(a[i].samples[k].values.size(), b[i].samples[k].values.size());
      for (size_t t = 0; t < a[i].samples[k].log_probs.size(); ++t) {
        EXPECT_NEAR(a[i].samples[k].log_probs[t], b[i].samples[k].log_probs[t], 1e-5);
      }
    }
  }
}

// More ranks than prompts too: the last has nothing to do.
TEST_F(RolloutRanks, AnswersAreThoseOfOneProcessAndAreJudgedOnce) {
  Asked alone;
  const Answers whole = answers_of(nullptr, *alone.reward()).value();
  ASSERT_EQ(alone.texts.size(), 10U);
  std::sort(alone.texts.begin(), alone.texts.end());
  for (int size : {2, 3, 6}) {
    Asked together;
    comm::on_thread_ranks(size, [&](comm::Communicator& ranks) {
      const auto reward = together.reward();
      const auto answers = answers_of(&ranks, *reward);
      ASSERT_TRUE(answers.ok()) << answers.error().message();
      expect_equal(answers->rollouts, whole.rollouts);
      ASSERT_EQ(answers->metrics.size(), 2U);
      for (const auto& [name, value] : answers->metrics) {
        EXPECT_NEAR(value, whole.metrics.at(name), 1e-12) << name;
      }
    });
    std::sort(together.texts.begin(), together.texts.end());
    EXPECT_EQ(together.texts, alone.texts) << size << " ranks";
  }
}

TEST_F(RolloutRanks, ARewardThatFailsOnOneRankIsTheErrorOfAll) {
  comm::on_thread_ranks(2, [](comm::Communicator& ranks) {
    const auto reward = function_reward([&](const RewardRequest&) {
      return ranks.is_first() ? 1.0 : std::numeric_limits<double>::quiet_NaN();
    });
    const auto answers = answers_of(&ranks, *reward);
    ASSERT_FALSE(answers.ok());
    EXPECT_EQ(answers.error().code(), ErrorCode::kUnavailable);
    // The second rank's first answer is to the step's second row.
    EXPECT_NE(answers.error().message().find("p.jsonl row 1 is no number"), std::string::npos)
        << answers.error().message();
  });
}

TEST_F(RolloutRanks, ValuesComeBackInTheOrderOfTheSamples) {
  std::vector<Rollout> rollouts(5);
  for (size_t i = 0; i < rollouts.size(); ++i) {
    rollouts[i].row = static_cast<int64_t>(i);
    rollouts[i].samples.resize(1 + i % 2);
  }
  // Two values for a sample, no second kind, and one value for each in the third.
  const auto compute = [](const std::vector<Rollout>& some) {
    KindsOfValues kinds(3);
    for (const Rollout& rollout : some) {
      for (size_t k = 0; k < rollout.samples.size(); ++k) {
        const auto value = static_cast<float>(10 * rollout.row + static_cast<int64_t>(k));
        kinds[0].push_back({value, -value});
        kinds[2].push_back({value + 0.5f});
      }
    }
    return kinds;
  };
  const KindsOfValues whole = compute_together(nullptr, rollouts, compute).value();
  ASSERT_EQ(whole[0].size(), 7U);
  for (int size : {2, 7}) {
    comm::on_thread_ranks(size, [&](comm::Communicator& ranks) {
      EXPECT_EQ(compute_together(&ranks, rollouts, compute).value(), whole);
    });
  }
  comm::on_thread_ranks(2, [&](comm::Communicator& ranks) {
    const auto failed = compute_together(&ranks, rollouts, [&](const auto& some) {
      if (!ranks.is_first()) throw std::runtime_error("out of luck");
      return compute(some);
    });
    ASSERT_FALSE(failed.ok());
    EXPECT_NE(failed.error().message().find("out of luck"), std::string::npos);
  });
}

// A whole run: whitening over the step, several updates, a value model of its own, evaluation. With
// clipping so wide that no token stands at its edge: there the last bit of a sum, whose order is
// another with ranks, would decide whether the token counts.
TEST_F(RolloutRanks, TwoRanksTrainAsOneWithTwiceTheBatch) {
  const auto reward = [](const RewardRequest& request) { return even_share(request); };
  const auto gold = [](const RewardRequest& request) { return 1 - even_share(request); };
  for (const char* source : {"separate", "head"}) {
    const Json config = {{"value_source", source}, {"num_mini_batches", 2},
                         {"whiten_rewards", true}, {"learning_rate", 1e-4},
                         {"cliprange", 0.9},       {"cliprange_value", 100},
                         {"eval_strategy", "steps"}, {"eval_steps", 2}};
    SmallPpoRun one(config, reward);
    one.judge_evaluations_by(gold);
    ASSERT_TRUE(one.run().ok());
    Json halves = config;
    halves["per_device_train_batch_size"] = 2;
    TemporaryDirectory shared;
    std::vector<std::map<std::string, std::vector<float>>> weights(2);
    comm::on_thread_ranks(2, [&](comm::Communicator& ranks) {
      SmallPpoRun half(halves, reward);
      half.judge_evaluations_by(gold);
      half.use_directory(shared.path());
      half.use_ranks(ranks);
      const auto outcome = half.run();
      EXPECT_TRUE(outcome.ok()) << outcome.error().message();
      weights[static_cast<size_t>(ranks.rank())] = half.weights();
    });
    EXPECT_EQ(weights[0], weights[1]) << "ranks hold other weights";
    for (const char* kind : {"step", "eval"}) {
      const auto expected = one.events(kind), found = events_of(shared.path(), kind);
      ASSERT_EQ(expected.size(), found.size());
      ASSERT_FALSE(expected.empty());
      for (size_t i = 0; i < expected.size(); ++i) {
        Json line = found[i];
        for (const char* clock : {"seconds", "eps"}) line.erase(clock);
        ASSERT_EQ(expected[i].size(), line.size());
        for (const auto& [name, value] : expected[i].items()) {
          if (!value.is_number()) continue;
          const auto number = value.get<double>();
          double size = std::max(1.0, std::abs(number));
          if (name.starts_with("sampling/")) size = 10;  // rounding itself: of log-probs below 10
          if (name.find("objective/") != std::string::npos || name == "eval_gold/kl") {
            // Differences of sums of log-probs, which is what the entropy is.
            const std::string split = kind == std::string("eval") ? "eval_" : "";
            size = expected[i].at(split + "objective/entropy").get<double>();
          }
          const double most = test_device().is_cpu() ? 1e-6 : 5e-6;  // of passes cut elsewhere
          EXPECT_NEAR(found[i].at(name).get<double>(), number, most * size)
              << source << " " << name;
        }
      }
    }
  }
}

}  // namespace
}  // namespace attune::engine::train
