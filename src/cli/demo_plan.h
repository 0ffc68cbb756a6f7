// What the demo decides and prints: how many steps fit into its time, and the table of points. Pure
// functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/rubric.h"

namespace attune::cli {

// What was measured before the training begins.
struct DemoMeasures {
  double seconds_left = 0;        // of the demo's time, from now on
  double seconds_per_step = 0;    // one optimizer step
  double seconds_of_answers = 0;  // asking and scoring the questions once
  int64_t rows = 0;               // of the training data
  int64_t rows_per_step = 0;
};

// As many steps as fit beside the second round of answers, the evaluations and saving, with a
// reserve of a tenth, at most three times through the rows, and at least kDemoStepsMin.
inline constexpr int64_t kDemoStepsMin = 8;
inline constexpr int kDemoEpochsMax = 3;
int64_t plan_demo_steps(const DemoMeasures& measures);

struct DemoQuestion {
  std::string id;
  std::string text;
  OrderedJson prompt;  // messages
};

struct DemoAnswers {
  std::vector<std::string> texts;  // in the order of the questions
  std::vector<RubricScore> scores;
};

// One line a question with its points before and after, and the counts of answers that meet all
// criteria. Both have one score per question.
std::string demo_table(const std::vector<DemoQuestion>& questions, const DemoAnswers& before,
                       const DemoAnswers& after);

int64_t count_meeting(const DemoAnswers& answers);

// A path as one word of a shell's command line.
std::string quoted_for_shell(const std::string& path);

}  // namespace attune::cli
