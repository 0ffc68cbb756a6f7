// Rollouts: n samples of the policy for each prompt of a step, as trees (the prompt once, with its
// n samples), by the engine's own batched generator in the precision of training.
//
// What is sampled follows from (seed, step, row) alone, so that a resumed run repeats it. Sampling
// stops at a stop token, which is the last token of its sample: the same answers as sampling a
// fixed length with the stop disabled and cutting at the first stop token afterwards (losses.md
// §7.1), without computing what would be cut. Without stop ids every sample has full length.
//
// Letters: C samples of all prompts together, in the order of prompts, then of samples.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/generate/request.h"
#include "engine/models/decoder.h"
#include "engine/models/token_tree.h"
#include "engine/nn/adapters.h"
#include "engine/tensor/tensor.h"
#include "engine/train/on_policy/reward_source.h"
#include "engine/train/rows/prompt_rows.h"
#include "text/tokenizer.h"

namespace attune::engine::train {

struct RolloutOptions {
  int64_t samples = 1;                // of each prompt (n, or num_generations)
  int64_t response_length = 53;       // longest sample in tokens, the stop token included
  int64_t min_new_tokens = 0;         // no stop token before so many
  double temperature = 1.0;           // divides logits; in all log-probs of the run
  int64_t top_k = 0;                  // filters make KL estimates biased (losses.md §7.1);
  double top_p = 1.0;                 // off by default
  double min_p = 0.0;
  double repetition_penalty = 1.0;
  std::vector<int32_t> stop_ids;      // empty: fixed length
  std::vector<std::string> adapters;  // the policy's stack
  Tensor value_head = {};             // [1, D] on that stack's states, to capture values; or none
  int64_t rows_max = 64;              // samples decoded at once; part of what fixes the bits
  uint64_t seed = 42;
};

struct RolloutSample {
  std::vector<float> log_probs;  // of each token, captured while sampling
  // With a value head, captured likewise: of the state before each token, and of the one after the
  // last where it ended before the longest length.
  std::vector<float> values;
  std::string text;              // decoded without special tokens
  bool ended = false;            // its last token is a stop token
  double score = 0;              // of score_rollouts()
};

struct Rollout {
  int64_t row = 0;                     // of the prompts
  models::TokenTree tree;              // prompt and samples, in the order of `samples`
  std::vector<RolloutSample> samples;  // [n]
};

// What one of several ranks makes of a step: the rows at places rank, rank + ranks, ...
struct RowShare {
  int rank = 0;
  int ranks = 1;

  bool has(size_t place) const {
    return place % static_cast<size_t>(ranks) == static_cast<size_t>(rank);
  }
};

// The rollouts of the share's rows, in their order: the same samples as in those of all rows.
// `step` tells steps apart (evaluations use numbers of their own). A row that occurs twice in
// `rows` gets different samples. Errors: a prompt the model cannot take, logits that are no
// numbers.
Result<std::vector<Rollout>> make_rollouts(models::Decoder& decoder,
                                           const text::Tokenizer& tokenizer,
                                           const std::vector<PromptRow>& prompts,
                                           const std::vector<int64_t>& rows, int64_t step,
                                           const RolloutOptions& options,
                                           const RowShare& share = {});

// Fills in the samples' scores. Errors: the source's own; a number of scores other than of samples;
// a score that is no number, by the prompt's file and row and the answer's beginning.
Status score_rollouts(RewardSource& source, const std::vector<PromptRow>& prompts,
                      std::vector<Rollout>* rollouts);

// By sample [C], then by token.
using SampleValues = std::vector<std::vector<float>>;

struct RolloutForward {
  nn::AdapterSelection adapters;         // a stack
  double temperature = 1.0;
  bool share_prompts = true;
  int64_t max_tokens_per_batch = 2048;   // of one pass
  int64_t chunk_rows = 512;              // rows of logits held at a time
};

// Log-probs of the samples' tokens by the path that training takes (packed trees, no cache): with
// them the ratio of the first update is 1 (losses.md §17). No gradient.
SampleValues rollout_log_probs(models::Decoder& decoder, const std::vector<Rollout>& rollouts,
                               const RolloutForward& forward);

// Nothing while the policy is within `limit` (nats a token of k1) of its reference; beyond it, or
// when it is no number, an error that names kl_limit and what to change.
Status check_kl_limit(double nats_a_token, const std::optional<double>& limit, const char* advice);

// What was captured, in the same shape; the values of each sample as RolloutSample has them.
SampleValues captured_log_probs(const std::vector<Rollout>& rollouts);
SampleValues captured_values(const std::vector<Rollout>& rollouts);

// "sampling/sampling_logp_difference/mean" and "/max": how far the captured log-probs are from
// those of the training path (TRL's names).
void add_path_difference(const SampleValues& captured, const SampleValues& recomputed,
                         std::map<std::string, double>* metrics);

// TRL's completions/{mean,min,max}_length, the same of samples that ended ("_terminated_length"),
// and completions/clipped_ratio: the share that reached response_length without a stop token.
void add_length_metrics(const std::vector<Rollout>& rollouts,
                        std::map<std::string, double>* metrics);

}  // namespace attune::engine::train
