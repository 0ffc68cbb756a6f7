// The demo's questions, and one model's answers to them.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/demo_plan.h"

namespace attune::cli {

// Tokens of the longest answer in the demo; one that reaches its limit fails.
inline constexpr int64_t kDemoNewTokens = 320;

// How questions are asked, and how many answers the rubric compares with each other.
struct AskOptions {
  // Of a generate request, besides the prompt; one answer to each.
  OrderedJson sampling = {{"max_new_tokens", kDemoNewTokens}, {"do_sample", false}};
  size_t set_size = 10;  // rubric_sets()
};

// Rows {"id", "prompt": [messages]} of heldout.jsonl. Errors name file and row.
Result<std::vector<DemoQuestion>> read_questions(const std::string& path);

// Serves `model` (a folder or GGUF file), asks all questions, computes the log-probability of every
// answer under every question of its set, and scores them by the rubric.
Result<DemoAnswers> ask_and_score(const std::string& model,
                                  const std::vector<DemoQuestion>& questions,
                                  const AskOptions& options = {});

}  // namespace attune::cli
