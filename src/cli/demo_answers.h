// The demo's questions, and one model's answers to them.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/demo_plan.h"

namespace attune::cli {

// Tokens of the longest answer; one that reaches it fails.
inline constexpr int64_t kDemoNewTokens = 320;

// Rows {"id", "prompt": [messages]} of heldout.jsonl. Errors name file and row.
Result<std::vector<DemoQuestion>> read_questions(const std::string& path);

// Serves `model` (a folder or GGUF file), asks all questions greedily, computes the log-probability
// of every answer under every question, and scores them by the rubric.
Result<DemoAnswers> ask_and_score(const std::string& model,
                                  const std::vector<DemoQuestion>& questions);

}  // namespace attune::cli
