// Where the rewards of a policy's answers come from: a reward model, a weighted sum of several, or
// a program of the user's. Implementations are beside this header; on-policy methods know only it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/train/prompt_rows.h"

namespace attune::engine::train {

// One answer to be judged.
struct RewardRequest {
  const PromptRow* prompt = nullptr;  // lives as long as the call
  std::vector<int32_t> completion;    // the policy's ids, with the stop token when it ended
  std::string text;                   // decoded without special tokens
  bool ended = false;                 // by a stop token, not by its length
};

class RewardSource {
 public:
  virtual ~RewardSource() = default;

  // A score for each request, in their order. A source that cannot judge says why and of which
  // request; a score that is no number may be returned, the caller refuses it by the row's name.
  virtual Result<std::vector<double>> score(const std::vector<RewardRequest>& requests) = 0;

  // What the step's line says of the last score() besides the scores themselves.
  virtual void add_metrics(std::map<std::string, double>* /*metrics*/) const {}
};

}  // namespace attune::engine::train
