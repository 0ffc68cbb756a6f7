// The Trainer with a method small enough to know every number: what a step's loss is divided by,
// and what happens when numbers end.
#include "engine/train/trainer.h"

#include <ATen/ops/sqrt.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/file.h"

namespace attune::engine::train {
namespace {

enum class Poison { kNone, kLoss, kGradient };

// Row i asks for the sum of its units of w * value_i; some row may spoil the loss or the gradient.
class ToyMethod : public Method {
 public:
  explicit ToyMethod(Tensor w) : w_(std::move(w)) {}

  int64_t row_count(Split split) const override { return split == Split::kTrain ? 5 : 3; }
  int64_t row_tokens(Split, int64_t row) const override { return 4 + row; }
  int64_t row_units(Split, int64_t row) const override { return 1 + row; }
  std::string row_name(Split split, int64_t row) const override {
    return fmt::format("{} row {}", split == Split::kTrain ? "train" : "eval", row);
  }
  PassResult pass(Split split, const std::vector<int64_t>& rows,
                  const PassOptions& options) override {
    ++passes;
    Tensor loss = w_.sum() * 0.0;
    for (int64_t row : rows) {
      const double units = static_cast<double>(row_units(split, row));
      loss = loss + w_.sum() * (units * value(row) / options.normaliser);
      if (row != kPoisonedRow) continue;
      if (poison == Poison::kLoss) loss = loss * std::numeric_limits<double>::quiet_NaN();
      // 0, with the slope of the root at 0.
      if (poison == Poison::kGradient) loss = loss + at::sqrt(w_[0] * 0.0);
    }
    return {loss, {}};
  }
  std::string fingerprint() const override { return "toy"; }

  static double value(int64_t row) { return 0.5 * static_cast<double>(row * row) - 1.0; }

  int64_t passes = 0;
  Poison poison = Poison::kNone;
  static constexpr int64_t kPoisonedRow = 3;

 private:
  Tensor w_;
};

// One parameter and a trainer of plain gradient descent with rate 1 over it.
struct Toy {
  Tensor w = at::tensor({2.0f, -1.0f}).set_requires_grad(true);
  ToyMethod method{w};
  TemporaryDirectory run;

  Status train(const Json& more, int64_t max_tokens) {
    Json config = {{"optim", "sgd"},        {"learning_rate", 1.0},
                   {"max_steps", 1},        {"lr_scheduler_type", "constant"},
                   {"max_grad_norm", 0.0},  {"weight_decay", 0.0},
                   {"save_strategy", "no"}, {"per_device_train_batch_size", 5}};
    config.update(more);
    TrainerSetup setup;
    setup.run_directory = run.path();
    setup.config = config;
    setup.options = TRY(read_training_options(config));
    setup.plan.max_tokens_per_batch = max_tokens;
    setup.parameters = {{"w", w}};
    const auto trainer = TRY(Trainer::create(std::move(setup), method));
    TRY(trainer->run());
    return {};
  }

  bool untouched() const { return w[0].item<float>() == 2.0f && w[1].item<float>() == -1.0f; }
};

// The step's gradient is sum(units * value) / sum(units), however it is cut: rows have 1 to 5
// units, so a mean of the micro-batches' means would differ.
TEST(StepNumbersTest, AccumulationDividesByTheUnitsOfTheWholeStep) {
  double sum = 0, units = 0;
  for (int64_t row = 0; row < 5; ++row) {
    sum += static_cast<double>(1 + row) * ToyMethod::value(row);
    units += static_cast<double>(1 + row);
  }
  struct Cut {
    int64_t batch, accumulation, max_tokens, passes;
  };
  for (const Cut& cut : {Cut{5, 1, 1000, 1}, Cut{5, 1, 12, 3}, Cut{1, 5, 1, 5}}) {
    Toy toy;
    const Status trained = toy.train({{"per_device_train_batch_size", cut.batch},
                                      {"gradient_accumulation_steps", cut.accumulation}},
                                     cut.max_tokens);
    ASSERT_TRUE(trained.ok()) << trained.error().message();
    EXPECT_EQ(toy.method.passes, cut.passes);
    EXPECT_NEAR(toy.w[0].item<double>(), 2.0 - sum / units, 1e-6);
    EXPECT_NEAR(toy.w[1].item<double>(), -1.0 - sum / units, 1e-6);
  }
}

TEST(StepNumbersTest, ALossThatIsNoNumberNamesStepAndRowsAndKeepsNothing) {
  Toy toy;
  toy.method.poison = Poison::kLoss;
  const Status trained = toy.train(Json::object(), 8);  // row 3 is a pass of its own
  ASSERT_FALSE(trained.ok());
  const std::string& message = trained.error().message();
  EXPECT_NE(message.find("step 1: the loss"), std::string::npos) << message;
  EXPECT_NE(message.find("train row 3"), std::string::npos) << message;
  EXPECT_EQ(message.find("train row 2"), std::string::npos) << message;
  EXPECT_TRUE(toy.untouched());
}

TEST(StepNumbersTest, AGradientThatIsNoNumberNamesStepRowsAndParameter) {
  Toy toy;
  toy.method.poison = Poison::kGradient;
  const Status trained = toy.train(Json::object(), 1000);
  ASSERT_FALSE(trained.ok());
  const std::string& message = trained.error().message();
  EXPECT_NE(message.find("step 1: the gradients"), std::string::npos) << message;
  EXPECT_NE(message.find("(in w)"), std::string::npos) << message;
  EXPECT_NE(message.find("train row 3"), std::string::npos) << message;
  EXPECT_TRUE(toy.untouched());
}

}  // namespace
}  // namespace attune::engine::train
