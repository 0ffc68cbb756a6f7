#include "cli/demo_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstring>

#include "base/check.h"

namespace attune::cli {
namespace {

constexpr double kReserve = 0.1;             // of the time that is left
constexpr double kEvaluationsInSteps = 6;    // the evaluations' work, counted in steps
constexpr double kSavingSeconds = 10;
constexpr size_t kQuestionWidth = 28;

std::string points_text(const RubricScore& score) {
  if (score.hit_limit) return "   0  ended at the limit  ";
  return fmt::format("{:4}   {} {} {} {} {}  {:9}", score.total(), score.polite, score.format,
                     score.steps, score.follow_up, score.fits, score.meets() ? "  meets" : "");
}

double mean_points(const DemoAnswers& answers) {
  double sum = 0;
  for (const RubricScore& score : answers.scores) sum += score.total();
  return answers.scores.empty() ? 0 : sum / static_cast<double>(answers.scores.size());
}

}  // namespace

int64_t plan_demo_steps(const DemoMeasures& measures) {
  CHECK(measures.rows_per_step > 0, "a step without rows");
  int64_t epoch = (measures.rows + measures.rows_per_step - 1) / measures.rows_per_step;
  int64_t most = std::max(kDemoEpochsMax * epoch, kDemoStepsMin);
  if (measures.seconds_per_step <= 0) return most;
  double training = measures.seconds_left * (1 - kReserve) - measures.seconds_of_answers -
                    kSavingSeconds - kEvaluationsInSteps * measures.seconds_per_step;
  double steps = std::clamp(training / measures.seconds_per_step,
                            static_cast<double>(kDemoStepsMin), static_cast<double>(most));
  return static_cast<int64_t>(steps);
}

int64_t count_meeting(const DemoAnswers& answers) {
  return std::count_if(answers.scores.begin(), answers.scores.end(),
                       [](const RubricScore& score) { return score.meets(); });
}

std::string demo_table(const std::vector<DemoQuestion>& questions, const DemoAnswers& before,
                       const DemoAnswers& after) {
  CHECK(before.scores.size() == questions.size() && after.scores.size() == questions.size(),
        "one score per question");
  std::string text = fmt::format(
      "Points of 10; two each for: polite, clear format, steps, what to do next, fits its "
      "question\n\n"
      "{:{}}   before                    after\n",
      "question", kQuestionWidth);
  for (size_t i = 0; i < questions.size(); ++i) {
    text += fmt::format("{:{}}  {}  {}\n", questions[i].id, kQuestionWidth,
                        points_text(before.scores[i]), points_text(after.scores[i]));
  }
  text += fmt::format("{:{}}  {:4.1f}                      {:4.1f}\n", "mean", kQuestionWidth,
                      mean_points(before), mean_points(after));
  return text + fmt::format("{:{}}  {:2} of {:2}                  {:2} of {:2}\n",
                            "answers that meet all five", kQuestionWidth, count_meeting(before),
                            questions.size(), count_meeting(after), questions.size());
}

std::string quoted_for_shell(const std::string& path) {
  bool plain = !path.empty() && std::all_of(path.begin(), path.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || std::strchr("/._-+=:@", c) != nullptr;
  });
  if (plain) return path;
  std::string quoted = "'";
  for (char c : path) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace attune::cli
