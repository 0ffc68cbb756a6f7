// What the measures of `attune evaluate` share: rows as prompts and references, answers of a model
// to them, and log-probabilities or rewards of given completions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "cli/engine_session.h"
#include "data/example.h"
#include "data/rows.h"

namespace attune::cli {

// A row's prompt: text, or messages that end before the answer.
struct PromptRow {
  std::string place;         // "prompts.jsonl:3"
  OrderedJson prompt;        // a string, or a list of messages
  std::string reference;     // the row's own answer (completion, chosen, or last turn), or ""
  OrderedJson id;
};

struct ModelAnswer {
  std::string text;
  int64_t tokens = 0;
  bool ended = false;  // by an end of sequence, not by the limit
};

// Reads the file of --data. `chat`: a string prompt becomes a user's message. At least one row;
// errors name the row.
Result<std::vector<PromptRow>> read_prompts(const Json& config);

// As the completion of its prompt in a score request.
OrderedJson as_completion(const PromptRow& row, const std::string& text);

// Answers of the model that `config` names, [prompt][sample], sampled as it says.
Result<std::vector<std::vector<ModelAnswer>>> answers_of(const Json& config,
                                                         const std::vector<PromptRow>& prompts,
                                                         int64_t samples);

struct CompletionScores {
  std::vector<double> sum_logprobs;
  std::vector<double> tokens;
  std::vector<double> rewards;  // of a reward model; else empty
};

// Scores of rows in any form with completions, in the order of data::split_example.
Result<std::vector<CompletionScores>> scores_of_rows(EngineSession& session, const Json& config,
                                                     const std::vector<data::Row>& rows);

// Log-probabilities of each prompt's answers, with the end of sequence of those that ended.
Result<std::vector<std::vector<double>>> log_probs_of_answers(
    EngineSession& session, const std::vector<PromptRow>& prompts,
    const std::vector<std::vector<ModelAnswer>>& answers);

// `config` with another model (a name or path) in the place of its own.
Json with_model(Json config, const std::string& model);

}  // namespace attune::cli
