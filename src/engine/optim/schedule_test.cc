#include "engine/optim/schedule.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "tests/support/test_paths.h"

namespace attune::engine::optim {
namespace {

TEST(ScheduleTest, FactorsEqualTransformers) {
  const Json golden =
      read_json_file(testing::source_path("tests/golden/optim/optim.json")).value();
  for (const Json& record : golden["schedules"]) {
    ScheduleOptions options;
    options.type = record["type"];
    options.total_steps = record["steps"];
    options.warmup_steps = record["warmup"];
    options.min_lr_rate = record.value("min_lr_rate", 0.0);
    const Schedule schedule = Schedule::create(options).value();
    const std::vector<double> factors = record["factors"];
    for (size_t step = 0; step < factors.size(); ++step) {
      EXPECT_NEAR(schedule.factor(static_cast<int64_t>(step)), factors[step], 1e-12)
          << options.type << " " << step;
    }
  }
}

TEST(ScheduleTest, WarmupBelowOneIsAShareRoundedUp) {
  EXPECT_EQ(Schedule::create({.total_steps = 30, .warmup_steps = 0.1}).value().warmup_steps(), 3);
  EXPECT_EQ(Schedule::create({.total_steps = 31, .warmup_steps = 0.1}).value().warmup_steps(), 4);
  EXPECT_EQ(Schedule::create({.total_steps = 30, .warmup_steps = 5}).value().warmup_steps(), 5);
  EXPECT_EQ(Schedule::create({.total_steps = 30, .warmup_steps = 0}).value().warmup_steps(), 0);
}

TEST(ScheduleTest, BadOptionsNameTheKey) {
  const auto unknown = Schedule::create({.type = "zigzag", .total_steps = 3});
  ASSERT_FALSE(unknown.ok());
  EXPECT_NE(unknown.error().message().find("lr_scheduler_type"), std::string::npos);
  const auto negative = Schedule::create({.total_steps = 3, .warmup_steps = -1});
  ASSERT_FALSE(negative.ok());
  EXPECT_NE(negative.error().message().find("warmup_steps"), std::string::npos);
}

}  // namespace
}  // namespace attune::engine::optim
