// Reward models: parity with TRL over 20 steps, and rankings as trees against separate sequences.
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "engine/comm/communicator.h"
#include "engine/models/score_head.h"
#include "engine/tensor/test_device.h"
#include "engine/tensor/threads.h"
#include "engine/train/reward/reward_method.h"
#include "engine/train/reward/reward_normalisation.h"
#include "engine/train/reward/reward_rows.h"
#include "engine/train/testing/golden_run.h"
#include "engine/train/trainer.h"
#include "tests/support/test_paths.h"
#include "weights/model_files.h"

namespace attune::engine::train {
namespace {

std::unique_ptr<models::Decoder> tiny_reward_model(const Json* score = nullptr) {
  const auto files = weights::ModelFiles::open(testing::source_path("tests/golden/train/tiny"));
  auto decoder = models::Decoder::load(
      *files, {.trainable = true, .device = test_device(),
               .score_head = models::NewScoreHead{.seed = 3}});
  EXPECT_TRUE(decoder.ok()) << decoder.error().message();
  if (score != nullptr) {
    const auto values = score->get<std::vector<float>>();
    models::score_weight(**decoder).detach().copy_(at::tensor(values).unsqueeze(0));
  }
  return std::move(decoder).value();
}

TreeMethodOptions score_options(bool share_prompts = true) {
  TreeMethodOptions options;
  options.batch = {.share_prompts = share_prompts, .log_probs = false, .scores = true};
  return options;
}

TreeRow preference(std::vector<int32_t> prompt, std::vector<int32_t> chosen,
                   std::vector<int32_t> rejected) {
  TreeRow row;
  row.tree = {std::move(prompt), {{std::move(chosen), 0}, {std::move(rejected), 0}}};
  row.ranks = {1, 2};
  row.name = {"rows", 1};
  return row;
}

TreeRow ranking(std::vector<std::vector<int32_t>> answers, std::vector<std::optional<int>> ranks) {
  TreeRow row;
  row.form = data::Form::kRanking;
  row.tree.prompt = {3, 1, 4};
  for (std::vector<int32_t>& answer : answers) row.tree.branches.push_back({std::move(answer), 0});
  row.ranks = std::move(ranks);
  row.name = {"rows", 1};
  return row;
}

std::vector<TreeRow> rankings() {
  return {ranking({{5, 9, 2}, {6, 2}, {5, 3, 5, 8, 9, 2}, {7, 7, 2}}, {2, 1, 4, 3}),
          ranking({{8, 2}, {9, 9, 2}, {4, 2}}, {1, 2, 2}),
          ranking({{11, 12, 13, 2}, {14, 2}}, {2, 1})};
}

// Scores beyond what a number holds are reported as they are, by one process and by ranks.
TEST(RewardMethodTest, AnInfiniteScoreIsAnExtreme) {
  std::vector<float> weights(32, 0.0F);
  weights[0] = 1e38F;
  const Json head = weights;
  const auto decoder = tiny_reward_model(&head);
  decoder->parameters().find("model.norm.weight")->detach().mul_(1e6);
  const std::vector<TreeRow> rows = rankings();
  const auto alone = comm::single_process();
  for (comm::Communicator* ranks : {static_cast<comm::Communicator*>(nullptr), alone.get()}) {
    RewardMethod method(*decoder, {}, score_options(), rows, {});
    if (ranks != nullptr) method.join(*ranks);
    ASSERT_TRUE(method.begin_step(0, {0, 1, 2}).ok());
    const PassResult result = method.pass(Split::kTrain, {0, 1, 2}, {.normaliser = 3});
    EXPECT_FALSE(std::isfinite(result.means.at("mean_reward").sum));
    std::map<std::string, double> metrics;
    ASSERT_TRUE(method.end_step(&metrics).ok());
    EXPECT_TRUE(std::isinf(metrics.at("min_reward")) || std::isinf(metrics.at("max_reward")));
  }
}

struct Golden {
  explicit Golden(const std::string& name)
      : json(read_json_file(testing::source_path("tests/golden/train/" + name)).value()) {}

  std::vector<TreeRow> rows() const {
    std::vector<TreeRow> rows;
    for (const Json& row : json["rows"]) {
      rows.push_back(preference(row["prompt"], row["chosen"], row["rejected"]));
      if (row.contains("margin")) rows.back().margin = row["margin"].get<double>();
      rows.back().name.number = static_cast<int64_t>(rows.size());
    }
    return rows;
  }

  Json json;
};

// Trains on the golden's rows with its first score head; the lines of its steps.
std::vector<Json> train_golden_reward(const Golden& golden, const std::string& folder,
                                      std::optional<int64_t> capacity = {}) {
  set_compute_threads(1);
  const auto decoder = tiny_reward_model(&golden.json["score"]);
  Json config = golden.json["config"];
  config["save_strategy"] = "no";
  const auto options = read_reward_options(config);
  EXPECT_TRUE(options.ok()) << options.error().message();
  RewardMethod method(*decoder, *options, score_options(), golden.rows(), {});
  TrainerSetup setup;
  setup.run_directory = folder;
  setup.config = config;
  setup.options = read_training_options(config).value();
  setup.plan.threads = 1;
  if (capacity) setup.plan.max_tokens_per_batch = *capacity;
  for (const nn::Parameter& parameter : decoder->parameters().trainable()) {
    setup.parameters.push_back({parameter.name, parameter.tensor});
  }
  const auto trainer = Trainer::create(std::move(setup), method).value();
  const auto outcome = trainer->run();
  EXPECT_TRUE(outcome.ok()) << outcome.error().message();
  return events_of(folder, "step");
}

class RewardGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(RewardGolden, TwentyStepsEqualTrl) {
  const Golden golden(GetParam());
  using Capacity = std::optional<int64_t>;
  for (const Capacity capacity : {Capacity(), Capacity(20)}) {
    const TemporaryDirectory run;
    const std::vector<Json> steps = train_golden_reward(golden, run.path(), capacity);
    ASSERT_EQ(steps.size(), 20U);
    for (size_t i = 0; i < steps.size(); ++i) {
      const Json& expected = golden.json["steps"][i];
      const auto near = [&](const char* name, double tolerance) {
        EXPECT_NEAR(steps[i][name].get<double>(), expected[name].get<double>(), tolerance)
            << name << " of step " << i + 1;
      };
      EXPECT_NEAR(steps[i]["loss"].get<double>() / expected["loss"].get<double>(), 1.0, 1e-4)
          << "step " << i + 1;
      EXPECT_NEAR(steps[i]["grad_norm"].get<double>() / expected["grad_norm"].get<double>(), 1.0,
                  1e-2)
          << "step " << i + 1;
      near("learning_rate", 1e-12);
      near("accuracy", 1e-6);
      near("margin", 1e-3);
      near("mean_reward", 1e-3);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Trl, RewardGolden,
                         ::testing::Values("reward_pairs.json", "reward_margins.json"),
                         [](const auto& test) {
                           const std::string name = test.param;
                           return name.substr(0, name.find('.'));
                         });

double relative_difference(const Tensor& a, const Tensor& b) {
  const double off = (a - b).abs().max().item<double>();
  return off / std::max(b.abs().max().item<double>(), 1e-12);
}

// The loss of all rows in one pass, with its gradients left in the decoder.
double loss_and_gradients(models::Decoder& decoder, const RewardOptions& options, bool share,
                          const std::vector<TreeRow>& rows) {
  RewardMethod method(decoder, options, score_options(share), rows, {});
  std::vector<int64_t> all;
  int64_t units = 0;
  for (size_t row = 0; row < rows.size(); ++row) {
    all.push_back(static_cast<int64_t>(row));
    units += method.row_units(Split::kTrain, all.back());
  }
  PassResult result = method.pass(Split::kTrain, all, {.normaliser = static_cast<double>(units)});
  result.loss.backward();
  return result.loss.item<double>();
}

TEST(RewardMethodTest, ARankingAsATreeEqualsSeparateSequences) {
  for (const RewardLoss loss : {RewardLoss::kKwise, RewardLoss::kPlackettLuce}) {
    const auto shared = tiny_reward_model(), apart = tiny_reward_model();
    const double together = loss_and_gradients(*shared, {.loss = loss}, true, rankings());
    const double alone = loss_and_gradients(*apart, {.loss = loss}, false, rankings());
    EXPECT_NEAR(together / alone, 1.0, 1e-5);
    for (const nn::Parameter& parameter : shared->parameters().all()) {
      const Tensor& other = apart->parameters().find(parameter.name)->grad();
      EXPECT_LT(relative_difference(parameter.tensor.grad(), other), 1e-5)
          << parameter.name;
    }
  }
}

// One backbone pass per completion, whatever the number of pairs.
TEST(RewardMethodTest, ARankingIsOneElementAndEachAnswerIsComputedOnce) {
  const auto decoder = tiny_reward_model();
  const RewardMethod method(*decoder, {}, score_options(), rankings(), {});
  EXPECT_EQ(method.row_tokens(Split::kTrain, 0), 3 + 3 + 2 + 6 + 3);
  EXPECT_EQ(method.row_units(Split::kTrain, 0), 1);
  RewardOptions per_pair;
  per_pair.average = objectives::PairAverage::kPerPair;
  const RewardMethod pairs(*decoder, per_pair, score_options(), rankings(), {});
  EXPECT_EQ(pairs.row_units(Split::kTrain, 0), 6);
  EXPECT_EQ(pairs.row_units(Split::kTrain, 1), 2);  // the tie makes no pair
  per_pair.ties = objectives::TieRule::kHalf;
  const RewardMethod ties(*decoder, per_pair, score_options(), rankings(), {});
  EXPECT_EQ(ties.row_units(Split::kTrain, 1), 3);
}

// losses.md §17: a zero head gives ln 2 for pairs and rankings, ln K! for Plackett-Luce.
TEST(RewardMethodTest, AZeroHeadGivesTheClosedForms) {
  const Json zero(std::vector<float>(32, 0.0F));
  const auto decoder = tiny_reward_model(&zero);
  std::vector<TreeRow> rows = rankings();
  rows.push_back(preference({1, 2}, {4, 2}, {5, 2}));
  EXPECT_NEAR(loss_and_gradients(*decoder, {}, true, rows), std::log(2.0), 1e-6);
  EXPECT_NEAR(loss_and_gradients(*decoder, {.loss = RewardLoss::kPlackettLuce}, true,
                                 {rankings()[0]}),
              std::log(24.0), 1e-6);
}

// The mean over pairs inside a ranking, then over rankings, from the scores themselves.
TEST(RewardMethodTest, AveragesInsideARankingFirst) {
  const auto decoder = tiny_reward_model();
  std::vector<TreeRow> rows = rankings();
  rows.push_back(preference({1, 2}, {4, 2}, {5, 2}));
  rows.back().chosen_probability = 0.8;
  rows.back().margin = 0.5;
  std::vector<models::TokenTree> trees;
  for (const TreeRow& row : rows) trees.push_back(row.tree);
  const std::vector<double> scores = models::score_trees(*decoder, trees, {});
  const auto cost = [](double difference) { return std::log1p(std::exp(-difference)); };
  double total = 0;
  size_t first = 0;
  for (size_t i = 0; i + 1 < rows.size(); ++i) {
    double sum = 0, pairs = 0;
    for (size_t a = 0; a < rows[i].ranks.size(); ++a) {
      for (size_t b = 0; b < rows[i].ranks.size(); ++b) {
        if (*rows[i].ranks[a] >= *rows[i].ranks[b]) continue;
        sum += cost(scores[first + a] - scores[first + b]);
        ++pairs;
      }
    }
    total += sum / pairs;
    first += rows[i].ranks.size();
  }
  const double difference = scores[first] - scores[first + 1];
  total += 0.8 * cost(difference - 0.5) + 0.2 * cost(-difference - 0.5);
  EXPECT_NEAR(loss_and_gradients(*decoder, {}, true, rows), total / 4, 1e-5);
}

TEST(RewardMethodTest, EvaluationIsTheLossOverAllRowsAndWhatScoresAreWorth) {
  const auto decoder = tiny_reward_model();
  RewardMethod method(*decoder, {}, score_options(), rankings(), rankings());
  EXPECT_FALSE(method.evaluation().has_value());
  const auto metrics = method.evaluate().value().value();
  const double loss = loss_and_gradients(*decoder, {}, true, rankings());
  EXPECT_NEAR(metrics.at("loss"), loss, 1e-6);
  EXPECT_EQ(method.evaluation()->pairs.all.pairs, 6 + 2 + 1);
  for (const char* name :
       {"accuracy", "margin", "min_reward", "mean_reward", "max_reward", "ece"}) {
    EXPECT_TRUE(metrics.contains(name)) << name;
  }
  EXPECT_LE(metrics.at("min_reward"), metrics.at("mean_reward"));
}

TEST(RewardRowsTest, UnrankedAnswersTakeNoPart) {
  const TreeRow row = without_unranked(
      ranking({{5, 2}, {6, 2}, {7, 2}}, {2, std::nullopt, 1}));
  ASSERT_EQ(row.tree.branches.size(), 2U);
  EXPECT_EQ(row.tree.branches[1].ids, (std::vector<int32_t>{7, 2}));
  EXPECT_EQ(row.ranks, (std::vector<std::optional<int>>{2, 1}));
}

TEST(RewardRowsTest, PairwiseMakesARowOfEachPair) {
  const TreeRow row = ranking({{5, 2}, {6, 2}, {7, 2}}, {2, 1, 2});
  const std::vector<TreeRow> pairs = rows_of_pairs(row, {});
  ASSERT_EQ(pairs.size(), 2U);
  EXPECT_EQ(pairs[0].tree.branches[0].ids, (std::vector<int32_t>{6, 2}));
  EXPECT_EQ(pairs[1].tree.branches[1].ids, (std::vector<int32_t>{7, 2}));
  EXPECT_EQ(pairs[0].form, data::Form::kPreference);
  const auto halves = rows_of_pairs(row, {.ties = feedback::TieRule::kHalf});
  ASSERT_EQ(halves.size(), 3U);
  EXPECT_EQ(std::count_if(halves.begin(), halves.end(),
                          [](const TreeRow& one) { return one.chosen_probability == 0.5; }),
            1);
}

TEST(RewardNormalisationTest, BringsTheReferenceSamplesToMeanZeroAndDeviationOne) {
  const auto decoder = tiny_reward_model();
  NormaliseOptions options{.measure = NormaliseOptions::Measure::kMeanAndDeviation,
                           .chosen_only = false};
  const auto samples = reference_samples(rankings(), options);
  ASSERT_EQ(samples.size(), 9U);
  const auto normaliser = measure_normaliser(*decoder, {}, samples, options).value();
  double sum = 0, squares = 0;
  for (double score : models::score_trees(*decoder, samples, {})) {
    sum += normaliser.apply(score);
    squares += normaliser.apply(score) * normaliser.apply(score);
  }
  EXPECT_NEAR(sum, 0, 1e-6);
  EXPECT_NEAR(squares / 9, 1, 1e-6);
  EXPECT_EQ(normaliser.samples, 9);
  options.measure = NormaliseOptions::Measure::kMean;
  const auto mean = measure_normaliser(*decoder, {}, samples, options).value();
  EXPECT_EQ(mean.scale, 1);
  EXPECT_NEAR(mean.mean, normaliser.mean, 1e-9);
}

TEST(RewardNormalisationTest, SamplesAreTheBestAnswersEvenlySpaced) {
  NormaliseOptions options;
  const auto best = reference_samples(rankings(), options);
  ASSERT_EQ(best.size(), 3U);
  EXPECT_EQ(best[0].branches[0].ids, (std::vector<int32_t>{6, 2}));
  options.samples = 2;
  EXPECT_EQ(reference_samples(rankings(), options).size(), 2U);
}

TEST(RewardNormalisationTest, BeforeTrainingTheHeadIsScaled) {
  const auto decoder = tiny_reward_model();
  const auto samples = reference_samples(rankings(), {.chosen_only = false});
  ASSERT_TRUE(scale_score_head(*decoder, {}, samples).ok());
  const NormaliseOptions both{.measure = NormaliseOptions::Measure::kMeanAndDeviation};
  EXPECT_NEAR(measure_normaliser(*decoder, {}, samples, both)->scale, 1, 1e-5);
  const Json zero(std::vector<float>(32, 0.0F));
  const auto flat = tiny_reward_model(&zero);
  EXPECT_FALSE(scale_score_head(*flat, {}, samples).ok());
  EXPECT_EQ(measure_normaliser(*flat, {}, samples, both)->scale, 1);
}

TEST(RewardOptionsTest, WhatDoesNotGoTogetherIsRefused) {
  const auto refusal = [](const Json& config) {
    const auto options = read_reward_options(config);
    return options.ok() ? std::string() : options.error().message();
  };
  EXPECT_EQ(refusal({{"loss_type", "kwise"}, {"center_rewards_coefficient", 0.01}}), "");
  EXPECT_NE(refusal({{"loss_type", "plackett_luce"}, {"center_rewards_coefficient", 0.01}}), "");
  EXPECT_NE(refusal({{"loss_type", "plackett_luce"}, {"ranking_ties", "half"}}), "");
  EXPECT_NE(refusal({{"loss_type", "triplet"}}).find("loss_type"), std::string::npos);
  const Json flat = {{"normalise_before", true}, {"score_head_init", "zero"}};
  EXPECT_FALSE(read_normalise_options(flat).ok());
}

}  // namespace
}  // namespace attune::engine::train
