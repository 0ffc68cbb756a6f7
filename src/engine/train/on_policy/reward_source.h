// Where the rewards of a policy's answers come from: a reward model, a weighted sum of several, or
// a program of the user's. Implementations are beside this header; on-policy methods know only it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/train/rows/prompt_rows.h"

namespace attune::engine::train {

// One answer to be judged.
struct RewardRequest {
  const PromptRow* prompt = nullptr;  // lives as long as the call
  std::vector<int32_t> completion;    // the policy's ids, with the stop token when it ended
  std::string text;                   // decoded without special tokens
  bool ended = false;                 // by a stop token, not by its length
};

// Of one reward, over some answers.
struct RewardTotals {
  double count = 0;
  double sum = 0;
  double squares = 0;

  void add(double score) { add({1, score, score * score}); }
  void add(const RewardTotals& more) {
    count += more.count;
    sum += more.sum;
    squares += more.squares;
  }
  double mean() const { return sum / count; }  // of at least one
  double variance() const {                    // unbiased; 0 of one
    if (count < 2) return 0;
    return std::max((squares - count * mean() * mean()) / (count - 1), 0.0);
  }
};

// TRL's metrics of rewards by name: rewards/NAME/mean and rewards/NAME/std.
void add_reward_totals(const std::map<std::string, RewardTotals>& totals,
                       std::map<std::string, double>* metrics);

class RewardSource {
 public:
  virtual ~RewardSource() = default;

  // A score for each request, in their order. A source that cannot judge says why and of which
  // request; a score that is no number may be returned, the caller refuses it by the row's name.
  virtual Result<std::vector<double>> score(const std::vector<RewardRequest>& requests) = 0;

  // Of the last score(), what the step's line says besides the scores themselves: the totals of
  // its parts, by name.
  virtual std::map<std::string, RewardTotals> totals() const { return {}; }
};

}  // namespace attune::engine::train
