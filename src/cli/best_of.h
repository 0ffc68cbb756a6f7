// Best-of-n and rejection sampling: n answers to each prompt, judged (answer_judge.h); the best
// stays, or all from a threshold on.
#pragma once

#include <optional>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "cli/answer_judge.h"
#include "cli/rows_io.h"
#include "recipes/option.h"

namespace attune::cli {

// best_of, reward_threshold, examples and the judge's.
std::vector<recipes::Option> best_of_options();

// Which answers stay, best first; equal rewards keep the order of sampling. Without a threshold the
// first of the best.
std::vector<size_t> kept_answers(const std::vector<double>& rewards,
                                 std::optional<double> threshold);

class BestOf {
 public:
  // Checks the options, sets those of sampling in `params`, and starts the judge.
  static Result<BestOf> start(const Json& config, OrderedJson* params);

  // Writes what stays of a prompt's answers: one row with `completions` (each with its reward), or
  // with --examples one row of prompt and completion for each. `request` is what was answered.
  Status write(const OrderedJson& id, const OrderedJson& request, const Json& completions,
               RowWriter& writer);

  // One line about how many stayed.
  void summarise() const;

 private:
  BestOf(AnswerJudge judge, std::optional<double> threshold, bool examples)
      : judge_(std::move(judge)), threshold_(threshold), examples_(examples) {}

  AnswerJudge judge_;
  std::optional<double> threshold_;
  bool examples_;
  int64_t prompts_ = 0;
  int64_t without_ = 0;  // prompts none of whose answers stayed
  int64_t answers_ = 0;
  int64_t kept_ = 0;
  double reward_sum_ = 0;       // of all answers
  double kept_reward_sum_ = 0;  // of those that stayed
};

}  // namespace attune::cli
