// What is asked of the generator and what it gives back. Names and meanings are Transformers'
// (GenerationConfig, 5.23) where it has them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace attune::engine::generate {

// How the next token is chosen. The steps run in Transformers' order: repetition_penalty and
// min_new_tokens on the raw logits, then, only when sampling, temperature, top_k, top_p, min_p.
struct SamplingOptions {
  bool do_sample = false;           // false: the most probable token (greedy)
  double temperature = 1.0;         // > 0; divides logits
  int64_t top_k = 0;                // keep the k most probable tokens (and ties); 0 keeps all
  double top_p = 1.0;               // keep the smallest set with at least this mass, in (0, 1]
  double min_p = 0.0;  // keep tokens with at least this share of the best's probability
  double repetition_penalty = 1.0;  // arXiv 1909.05858: > 1 makes tokens seen before less likely
  uint64_t seed = 0;                // with `stream` and the sample's index, fixes every choice
};

struct GenerateRequest {
  std::vector<int32_t> prompt;       // at least one id
  SamplingOptions sampling;
  int64_t num_return_sequences = 1;  // samples of this prompt, which is computed once
  int64_t max_new_tokens = 256;      // fewer when the model's context ends before
  int64_t min_new_tokens = 0;        // no end-of-sequence before so many tokens
  std::vector<std::string> stop_strings;  // end a sample when its text contains one; cut from text
  std::vector<int32_t> stop_token_ids;    // end a sample, besides the model's end-of-sequence ids
  std::vector<std::string> adapters;      // the stack to run with; empty: the base model
  std::vector<int32_t> eos_ids;  // end-of-sequence ids of that stack; empty: the generator's
  // The prompt is a text that the samples' texts go on with: prompt and text joined are what was
  // sampled, a blank between them included. Not of conversations, whose template writes that blank.
  bool continues_text = false;
  // Which of the requests of one seed this is (a row's number): equal prompts with different
  // streams get different samples, whatever else is in the batch.
  uint64_t stream = 0;
};

enum class FinishReason {
  kStop,    // an end-of-sequence or stop token, or a stop string
  kLength,  // max_new_tokens, or the end of the model's context
};
const char* to_string(FinishReason reason);  // "stop", "length"

struct Completion {
  std::vector<int32_t> tokens;  // as generated, with the token that ended it
  // Of each token: its log-probability under softmax(logits / temperature) over the whole
  // vocabulary, before repetition_penalty, top_k, top_p and min_p (temperature 1 when greedy).
  // Nats.
  std::vector<float> log_probs;
  // With GeneratorOptions::value_head: of the state before each token, and of the one after the
  // last where the sample ended before its longest length.
  std::vector<float> values;
  std::string text;  // decoded without special tokens, up to a stop string
  FinishReason finish_reason = FinishReason::kLength;

  double sum_logprob() const;
};

}  // namespace attune::engine::generate
