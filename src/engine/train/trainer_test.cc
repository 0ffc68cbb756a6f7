// What the Trainer does for every method, seen with the smallest one: a single weight that is
// pulled to zero.
#include "engine/train/trainer.h"

#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "base/file.h"
#include "base/json_file.h"
#include "engine/train/testing/golden_run.h"

namespace attune::engine::train {
namespace {

constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();

class Pull : public Method {
 public:
  explicit Pull(double evaluation_factor = 1) : evaluation_factor_(evaluation_factor) {
    weight_ = at::full({1}, 1.0, at::kFloat);
    weight_.set_requires_grad(true);
  }

  int64_t row_count(Split split) const override { return split == Split::kTrain ? 8 : 2; }
  int64_t row_tokens(Split, int64_t) const override { return 4; }
  int64_t row_units(Split, int64_t) const override { return 2; }
  std::string row_name(Split split, int64_t row) const override {
    return fmt::format("{} row {}", split == Split::kTrain ? "train" : "held-out", row + 1);
  }
  PassResult pass(Split split, const std::vector<int64_t>& rows,
                  const PassOptions& options) override {
    passes_ += split == Split::kTrain;
    const double share = 2.0 * static_cast<double>(rows.size()) / options.normaliser;
    const double factor = split == Split::kTrain ? 1.0 : evaluation_factor_;
    return {.loss = weight_.mul(weight_).sum().mul(share * factor), .sums = {{"units", 1.0}}};
  }
  std::string fingerprint() const override { return "pull"; }
  Json state() const override { return {{"passes", passes_}}; }
  Status load_state(const Json& state) override {
    passes_ = TRY(get_int(state, "passes"));
    return {};
  }

  Result<std::optional<std::map<std::string, double>>> evaluate() override {
    if (evaluations_++ == failing_evaluation_) {
      if (meanwhile_) meanwhile_();
      return make_error(ErrorCode::kUnavailable, "the judge is gone");
    }
    return std::optional<std::map<std::string, double>>();
  }
  void fail_evaluation(int64_t number, std::function<void()> meanwhile = {}) {
    failing_evaluation_ = number;
    meanwhile_ = std::move(meanwhile);
  }

  Tensor weight() const { return weight_; }
  int64_t passes() const { return passes_; }

 private:
  Tensor weight_;
  double evaluation_factor_;
  int64_t passes_ = 0;
  int64_t evaluations_ = 0;
  int64_t failing_evaluation_ = -1;
  std::function<void()> meanwhile_;
};

Result<TrainingOutcome> train(Pull& method, const std::string& folder, Json config,
                              std::optional<StoredCheckpoint> resume = {}) {
  config["per_device_train_batch_size"] = 2;
  config["learning_rate"] = 0.01;
  TrainerSetup setup;
  setup.run_directory = folder;
  setup.config = config;
  setup.options = TRY(read_training_options(config));
  setup.parameters = {{"weight", method.weight()}};
  setup.resume = std::move(resume);
  const auto trainer = TRY(Trainer::create(std::move(setup), method));
  return trainer->run();
}

TEST(TrainerTest, AnEvaluationThatIsNoNumberNamesItsOwnRows) {
  const TemporaryDirectory run;
  Pull method(kNoNumber);
  const auto outcome =
      train(method, run.path(), {{"max_steps", 4}, {"eval_strategy", "steps"}, {"eval_steps", 2}});
  ASSERT_FALSE(outcome.ok());
  const std::string& message = outcome.error().message();
  EXPECT_NE(message.find("evaluation after step 2"), std::string::npos) << message;
  EXPECT_NE(message.find("held-out row 1, held-out row 2"), std::string::npos) << message;
  const std::vector<Json> failed = events_of(run.path(), "failed");  // for those who watch
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed[0]["message"], message);
}

// A step's loss is divided by the units of the whole step, however it is cut into passes.
TEST(TrainerTest, PassesOfAStepAddUpToTheLossOverAllItsUnits) {
  const TemporaryDirectory run;
  Pull method;
  ASSERT_TRUE(train(method, run.path(),
                    {{"max_steps", 1}, {"gradient_accumulation_steps", 3}})
                  .ok());
  const std::vector<Json> steps = events_of(run.path(), "step");
  EXPECT_EQ(steps[0]["loss"], 1.0);       // w^2
  EXPECT_EQ(steps[0]["grad_norm"], 2.0);  // 2 w
  EXPECT_EQ(steps[0]["trained_tokens"], 12);
}

// What a method keeps (running controllers) is in its checkpoints.
TEST(TrainerTest, AMethodsOwnStateComesBackWithACheckpoint) {
  const TemporaryDirectory run;
  Pull first;
  ASSERT_TRUE(train(first, run.path(), {{"max_steps", 3}, {"save_steps", 3}}).ok());
  auto stored = CheckpointStore(run.path()).newest().value();
  ASSERT_TRUE(stored.has_value());
  Pull second;
  ASSERT_TRUE(train(second, run.path(), {{"max_steps", 5}, {"save_steps", 3}}, stored).ok());
  EXPECT_EQ(first.passes(), 3);
  EXPECT_EQ(second.passes(), 5);
  EXPECT_LT(second.weight().item<double>(), first.weight().item<double>());
}

// A run with an evaluation that another program breaks is, resumed, the run that it would have
// been: also in what the evaluation decides.
TEST(TrainerTest, AnEvaluationThatFailsOutsideOfTheRunLeavesACheckpointAndIsMadeUpFor) {
  const Json config = {{"max_steps", 4}, {"eval_strategy", "steps"}, {"eval_steps", 2},
                       {"save_steps", 100}, {"greater_is_better", true}};
  const TemporaryDirectory whole;
  Pull undisturbed;
  ASSERT_TRUE(train(undisturbed, whole.path(), config).ok());

  const TemporaryDirectory run;
  Pull broken;
  broken.fail_evaluation(0);
  const auto failed = train(broken, run.path(), config);
  ASSERT_FALSE(failed.ok());
  EXPECT_NE(failed.error().message().find("the judge is gone; the checkpoint of step 2"),
            std::string::npos)
      << failed.error().message();
  auto stored = CheckpointStore(run.path()).newest().value();
  ASSERT_TRUE(stored.has_value());
  EXPECT_EQ(stored->step, 2);

  Pull mended;
  ASSERT_TRUE(train(mended, run.path(), config, stored).ok());
  EXPECT_EQ(mended.weight().item<double>(), undisturbed.weight().item<double>());
  const auto lines = events_of(run.path(), "eval");
  const auto expected = events_of(whole.path(), "eval");
  ASSERT_EQ(lines.size(), 2U);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(lines[i]["step"], expected[i]["step"]);
    EXPECT_EQ(lines[i]["eval_loss"], expected[i]["eval_loss"]);
  }
  const Json newest = CheckpointStore(run.path()).newest().value()->state;
  const Json undisturbed_state = CheckpointStore(whole.path()).newest().value()->state;
  EXPECT_EQ(newest["best_step"], 2);  // the loss falls: the one that was made up for
  EXPECT_EQ(newest["best_step"], undisturbed_state["best_step"]);
  EXPECT_EQ(newest["best_metric"], undisturbed_state["best_metric"]);
  EXPECT_FALSE(newest.contains("owes_evaluation"));
}

// What a run says whose first evaluation another program breaks.
std::string broken_evaluation(const std::string& folder, const Json& more,
                              std::function<void()> meanwhile = {}) {
  Json config = {{"max_steps", 4}, {"eval_strategy", "steps"}, {"eval_steps", 2}};
  config.update(more);
  Pull method;
  method.fail_evaluation(0, std::move(meanwhile));
  const auto failed = train(method, folder, config);
  EXPECT_FALSE(failed.ok());
  return failed.ok() ? "" : failed.error().message();
}

TEST(TrainerTest, NothingIsKeptBeforeTheFirstStepOrWhereNoCheckpointsAreWanted) {
  for (const Json& config : {Json{{"eval_on_start", true}}, Json{{"save_strategy", "no"}}}) {
    const TemporaryDirectory run;
    const std::string message = broken_evaluation(run.path(), config);
    EXPECT_EQ(message.find("checkpoint"), std::string::npos) << message;
    EXPECT_TRUE(CheckpointStore(run.path()).steps().empty());
  }
}

TEST(TrainerTest, ACheckpointOfTheModelAloneIsNotAdvisedToGoOnFrom) {
  const TemporaryDirectory run;
  const std::string message = broken_evaluation(run.path(), {{"save_only_model", true}});
  EXPECT_NE(message.find("the judge is gone"), std::string::npos) << message;
  EXPECT_NE(message.find("save_only_model"), std::string::npos) << message;
  EXPECT_EQ(message.find("resume_from_checkpoint"), std::string::npos) << message;
}

TEST(TrainerTest, ACheckpointThatCannotBeWrittenLeavesTheErrorOfTheEvaluation) {
  const TemporaryDirectory run;
  const std::string folder = join_path(run.path(), "checkpoints");
  const auto block = [&] {
    ASSERT_TRUE(remove_all(folder).ok());
    ASSERT_TRUE(write_file(folder, "no folder").ok());
  };
  const std::string message = broken_evaluation(run.path(), Json::object(), block);
  EXPECT_NE(message.find("the judge is gone"), std::string::npos) << message;
  EXPECT_NE(message.find("could not be written"), std::string::npos) << message;
}

TEST(TrainerTest, AnOwedEvaluationIsNotMadeUpForWhereNoneAreWantedAnyMore) {
  const TemporaryDirectory run;
  broken_evaluation(run.path(), Json::object());
  auto stored = CheckpointStore(run.path()).newest().value();
  ASSERT_TRUE(stored.has_value());
  ASSERT_TRUE(stored->state.contains("owes_evaluation"));
  Pull resumed;
  ASSERT_TRUE(train(resumed, run.path(), {{"max_steps", 4}, {"eval_strategy", "no"}}, stored).ok());
  EXPECT_TRUE(events_of(run.path(), "eval").empty());
  EXPECT_FALSE(CheckpointStore(run.path()).newest().value()->state.contains("owes_evaluation"));
}

}  // namespace
}  // namespace attune::engine::train
