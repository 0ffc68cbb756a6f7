#include <gtest/gtest.h>

#include "base/file.h"
#include "cli/demo_answers.h"
#include "cli/demo_plan.h"
#include "tests/support/test_paths.h"

namespace attune::cli {
namespace {

DemoMeasures measures() {
  return {.seconds_left = 600,
          .seconds_per_step = 5,
          .seconds_of_answers = 60,
          .rows = 292,
          .rows_per_step = 8};
}

TEST(DemoPlanTest, StepsFitIntoTheTimeThatIsLeft) {
  // 600 s less a tenth, 60 s of answers, 10 s of saving and evaluations worth six steps.
  EXPECT_EQ(plan_demo_steps(measures()), (540 - 60 - 10 - 30) / 5);
  DemoMeasures slow = measures();
  slow.seconds_per_step = 20;
  EXPECT_EQ(plan_demo_steps(slow), (540 - 60 - 10 - 120) / 20);
}

TEST(DemoPlanTest, StepsStayBetweenTheLimits) {
  DemoMeasures fast = measures();
  fast.seconds_per_step = 0.1;
  EXPECT_EQ(plan_demo_steps(fast), 3 * 37) << "three times through 292 rows";
  DemoMeasures late = measures();
  late.seconds_left = -5;
  EXPECT_EQ(plan_demo_steps(late), kDemoStepsMin);
  DemoMeasures unknown = measures();
  unknown.seconds_per_step = 0;
  EXPECT_EQ(plan_demo_steps(unknown), 3 * 37);
}

TEST(DemoPlanTest, TheTableShowsEachQuestionAndCountsWhatMeets) {
  RubricScore full{2, 2, 2, 2, 2, false};
  RubricScore poor{1, 0, 2, 0, 1, false};
  RubricScore cut{2, 2, 2, 2, 2, true};
  DemoAnswers before{{"a", "b"}, {poor, cut}};
  DemoAnswers after{{"c", "d"}, {full, poor}};
  EXPECT_EQ(count_meeting(before), 0);
  EXPECT_EQ(count_meeting(after), 1);
  std::string table = demo_table({{"first", "", {}}, {"second", "", {}}}, before, after);
  EXPECT_NE(table.find("first "), std::string::npos);
  EXPECT_NE(table.find("  10   2 2 2 2 2    meets"), std::string::npos) << table;
  EXPECT_NE(table.find("   4   1 0 2 0 1"), std::string::npos) << table;
  EXPECT_NE(table.find("ended at the limit"), std::string::npos);
  EXPECT_NE(table.find(" 0 of  2"), std::string::npos);
  EXPECT_NE(table.find(" 1 of  2"), std::string::npos);
}

TEST(DemoPlanTest, PathsAreOneWordForTheShell) {
  EXPECT_EQ(quoted_for_shell("runs/demo-1/final"), "runs/demo-1/final");
  EXPECT_EQ(quoted_for_shell("my runs/a$b"), "'my runs/a$b'");
  EXPECT_EQ(quoted_for_shell("it's"), "'it'\\''s'");
  EXPECT_EQ(quoted_for_shell(""), "''");
}

TEST(DemoAnswersTest, ReadsTheQuestions) {
  auto questions = read_questions(testing::source_path("examples/support/heldout.jsonl"));
  ASSERT_TRUE(questions.ok()) << questions.error().message();
  EXPECT_EQ(questions->size(), 10u);
  EXPECT_EQ((*questions)[0].id, "heldout-http-500");
  EXPECT_EQ((*questions)[0].prompt[0]["role"], "user");
  TemporaryDirectory directory;
  ASSERT_TRUE(write_file(directory.file("q.jsonl"),
                         "{\"id\":\"a\",\"prompt\":[{\"role\":\"user\",\"content\":\"x\"}]}\n"
                         "{\"id\":\"b\",\"prompt\":\"plain\"}\n")
                  .ok());
  auto wrong = read_questions(directory.file("q.jsonl"));
  ASSERT_FALSE(wrong.ok());
  EXPECT_NE(wrong.error().message().find("row 2"), std::string::npos) << wrong.error().message();
  ASSERT_TRUE(write_file(directory.file("none.jsonl"), "").ok());
  EXPECT_FALSE(read_questions(directory.file("none.jsonl")).ok());
}

}  // namespace
}  // namespace attune::cli
