#include "engine/train/training_options.h"

#include <gtest/gtest.h>

#include "engine/train/data_report.h"

namespace attune::engine::train {
namespace {

TEST(TrainingOptionsTest, AnEmptyConfigurationIsTheDefaults) {
  const TrainingOptions options = read_training_options(Json::object()).value();
  EXPECT_EQ(options.batch.rows_per_batch, 8);
  EXPECT_EQ(options.batch.epochs, 3.0);
  EXPECT_EQ(options.optimisation.learning_rate, 2e-5);
  EXPECT_EQ(options.optimisation.max_grad_norm, 1.0);
  EXPECT_EQ(options.checkpoint.steps, 500);
  EXPECT_EQ(options.evaluation.when, When::kNever);
  EXPECT_EQ(options.data_seed, 42U);
}

TEST(TrainingOptionsTest, ReadsTransformersNames) {
  const TrainingOptions options =
      read_training_options({{"eval_strategy", "epoch"},
                             {"metric_for_best_model", "mean_token_accuracy"},
                             {"warmup_ratio", 0.1},
                             {"optim", "paged_adamw_8bit"},
                             {"gradient_checkpointing", false},
                             {"resume_from_checkpoint", true},
                             {"seed", 7},
                             {"lr_scheduler_kwargs", {{"min_lr_rate", 0.1}}},
                             {"max_tokens_per_batch", nullptr}})
          .value();
  EXPECT_EQ(options.evaluation.when, When::kEpoch);
  EXPECT_EQ(options.evaluation.best_metric, "eval_mean_token_accuracy");
  EXPECT_TRUE(options.evaluation.greater_is_better);
  EXPECT_EQ(options.optimisation.warmup_steps, 0.1);
  EXPECT_EQ(options.optimisation.optimizer, "adamw_torch");
  EXPECT_EQ(options.optimisation.min_lr_rate, 0.1);
  EXPECT_EQ(options.recompute, RecomputeChoice::kNever);
  EXPECT_EQ(options.checkpoint.resume, "true");
  EXPECT_EQ(options.data_seed, 7U);
}

TEST(TrainingOptionsTest, MistakesNameTheKey) {
  const std::vector<std::pair<Json, std::string>> cases = {
      {{{"learning_rate", "fast"}}, "learning_rate"},
      {{{"train_sampling_strategy", "sorted"}}, "train_sampling_strategy"},
      {{{"per_device_train_batch_size", 0}}, "per_device_train_batch_size"},
      {{{"save_strategy", "hourly"}}, "save_strategy"},
      {{{"recompute", "maybe"}}, "recompute"},
      {{{"lr_scheduler_kwargs", {{"num_cycles", 2}}}}, "num_cycles"},
      {{{"load_best_model_at_end", true}}, "load_best_model_at_end"},
      {{{"early_stopping_patience", 2}}, "early_stopping_patience"}};
  for (const auto& [config, key] : cases) {
    const auto options = read_training_options(config);
    ASSERT_FALSE(options.ok()) << key;
    EXPECT_NE(options.error().message().find(key), std::string::npos) << options.error().message();
  }
}

TEST(TrainingOptionsTest, ALowestRateIsAShareOrARate) {
  const Json config = {{"learning_rate", 1e-4}, {"lr_scheduler_kwargs", {{"min_lr", 1e-5}}}};
  EXPECT_DOUBLE_EQ(read_training_options(config)->optimisation.min_lr_rate, 0.1);
}

TEST(TrainingOptionsTest, WhetherLargerIsBetterFollowsTheMetricUnlessSaid) {
  const auto larger = [](Json config) {
    config["eval_strategy"] = "steps";
    return read_training_options(config)->evaluation.greater_is_better;
  };
  EXPECT_FALSE(larger(Json::object()));
  EXPECT_FALSE(larger({{"metric_for_best_model", "eval_loss"}, {"greater_is_better", nullptr}}));
  EXPECT_TRUE(larger({{"metric_for_best_model", "mean_token_accuracy"}}));
  EXPECT_FALSE(larger({{"metric_for_best_model", "entropy"}, {"greater_is_better", false}}));
}

TEST(TrainingOptionsTest, ARunWithoutAStepIsRefused) {
  for (int steps : {0, -1}) {
    const auto options = read_training_options({{"num_train_epochs", 0.0}, {"max_steps", steps}});
    ASSERT_FALSE(options.ok()) << steps;
    EXPECT_NE(options.error().message().find("leaves no step"), std::string::npos);
  }
  EXPECT_TRUE(read_training_options({{"num_train_epochs", 0.0}, {"max_steps", 1}}).ok());
  EXPECT_TRUE(read_training_options({{"num_train_epochs", 0.001}, {"max_steps", -1}}).ok());
}

TEST(TrainingOptionsTest, IntervalsBelowOneAreShares) {
  EXPECT_EQ(interval_steps(0.1, 95), 10);
  EXPECT_EQ(interval_steps(20, 95), 20);
  EXPECT_EQ(interval_steps(0.001, 95), 1);
}

TEST(DataReportTest, MoreThanOneInTwentyStopsTheRunAndNamesTheFirst) {
  DataReport report;
  for (int i = 1; i <= 20; ++i) report.count_read();
  for (int i = 1; i <= 19; ++i) report.count_kept(10, 5);
  report.drop({"a.jsonl", 7}, "no trained token", "the prompt alone fills max_length");
  EXPECT_TRUE(report.check("training data", false).ok());
  report.count_read();
  report.drop({"a.jsonl", 9}, "no trained token", "another");
  const Status status = report.check("training data", false);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message().find("a.jsonl row 7"), std::string::npos);
  EXPECT_NE(status.error().message().find("allow_skipped_rows"), std::string::npos);
  EXPECT_TRUE(report.check("training data", true).ok());
  EXPECT_EQ(report.to_json()["dropped"][0]["rows"]["a.jsonl"], (OrderedJson{7, 9}));
}

TEST(DataReportTest, TiesAreNamedAndNoMistakes) {
  DataReport report;
  for (int i = 1; i <= 40; ++i) report.count_read();
  for (int i = 1; i <= 20; ++i) report.drop({"a.jsonl", i}, data::kNoDifference, "all tie");
  for (int i = 21; i <= 39; ++i) report.count_kept(10, 5);
  report.drop({"a.jsonl", 40}, data::kEmptyPrompt, "nothing is asked");
  EXPECT_TRUE(report.check("training data", false).ok());
  const OrderedJson ties = report.to_json()["dropped"][1];
  EXPECT_EQ(ties["reason"], "ranking without a difference");
  EXPECT_EQ(ties["count"], 20);
  report.count_read();
  report.drop({"a.jsonl", 41}, data::kEmptyPrompt, "nothing is asked");
  const Status status = report.check("training data", false);
  ASSERT_FALSE(status.ok());  // 2 of the 21 others
  const std::string& said = status.error().message();
  EXPECT_NE(said.find("2 of 21 rows (beside 20 with ties alone)"), std::string::npos) << said;
  EXPECT_NE(status.error().message().find("a.jsonl row 40"), std::string::npos);
}

TEST(DataReportTest, NothingKeptIsAlwaysAnError) {
  EXPECT_FALSE(DataReport().check("training data", true).ok());
  DataReport ties;
  ties.count_read();
  ties.drop({"a.jsonl", 1}, data::kNoDifference, "all tie");
  const Status status = ties.check("training data", true);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message().find("a.jsonl row 1: all tie"), std::string::npos);
}

}  // namespace
}  // namespace attune::engine::train
