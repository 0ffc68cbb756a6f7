// Rewards of generated answers, for best-of-n and rejection sampling: one or several reward models
// (each in an engine of its own, with its own tokenizer and template) and programs of the user's
// (protocol/reward_command.h), added up with weights.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "cli/engine_session.h"
#include "protocol/reward_command.h"
#include "recipes/option.h"

namespace attune::cli {

// reward_model, reward_command, reward_weights, reward_timeout_ms.
std::vector<recipes::Option> judge_options();

struct JudgedAnswer {
  std::string text;
  bool ended = false;  // by an end of sequence, which a reward model then reads too
};

class AnswerJudge {
 public:
  // Errors: no source, another number of weights than of sources, a model that does not load or is
  // no reward model.
  static Result<AnswerJudge> start(const Json& config);

  // Of the answers to one prompt (a text, or messages); all finite, in their order.
  Result<std::vector<double>> rewards(const OrderedJson& prompt,
                                      const std::vector<JudgedAnswer>& answers);

 private:
  struct Source {
    double weight = 1;
    std::string name;
    std::unique_ptr<EngineSession> model;  // one of the two
    std::unique_ptr<protocol::RewardCommand> command;
  };

  std::vector<Source> sources_;
};

}  // namespace attune::cli
