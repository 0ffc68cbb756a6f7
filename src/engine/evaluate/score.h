// Log-probabilities of given completions under a model, or their rewards under a reward model: what
// `attune score` and the request channel's score requests report. The completions of one prompt
// share its computation (ops/packed_layout.h); each gets what it would get alone, up to the order
// of sums.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/example.h"
#include "data/tokenized.h"
#include "engine/models/decoder.h"
#include "engine/models/reward_model.h"

namespace attune::engine::evaluate {

struct CompletionScore {
  double sum_logprob = 0;  // nats, over the completion's tokens
  int64_t tokens = 0;      // how many were summed; of a reward model, of the completion
  std::optional<double> reward = {};  // of a reward model, normalised; it has no log-probabilities

  double mean_logprob() const {
    return tokens == 0 ? 0 : sum_logprob / static_cast<double>(tokens);
  }
};

struct ScoreOptions {
  std::vector<std::string> adapters = {};  // the stack; empty: the base model
  int64_t max_tokens_per_batch = 4096;     // of one pass; a larger example runs alone
  // Of a reward model (models::score_weight is defined for the stack): how its scores are read.
  models::RewardNormaliser normaliser = {};
};

// The completions of one example, as ids. Those that share a prompt begin with the same ids.
using TokenizedExample = std::vector<data::TokenizedCompletion>;

// The example's completions in the order of split_example (chosen 0, rejected 1). A `text` row is
// one completion of which all tokens but the first are scored. Errors are the row's.
Result<TokenizedExample> tokenize_for_score(const data::Example& example,
                                            const data::ExampleTokenizer& tokenizer,
                                            const data::CompletionOptions& options = {});

// Scores in the order of the examples and their completions. A first token without anything before
// it is not counted. kInvalidInput for a completion longer than the model's context.
Result<std::vector<std::vector<CompletionScore>>> score_completions(
    models::Decoder& decoder, const std::vector<TokenizedExample>& examples,
    const ScoreOptions& options = {});

}  // namespace attune::engine::evaluate
