// Chooses tokens from logits: Transformers' logits processors (5.23) and a random stream of its
// own.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_set>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "engine/generate/request.h"

namespace attune::engine::generate {

struct SampledToken {
  int32_t id = 0;
  float log_prob = 0;  // see Completion::log_probs
};

// Ranges of SamplingOptions; the error names the option.
Status validate(const SamplingOptions& options);

// The choices of one sample. Two samplers with the same options, stream, index and logits choose
// the same tokens. Not thread-safe; different samplers are independent.
class Sampler {
 public:
  // `prompt` counts as seen for the repetition penalty.
  Sampler(const SamplingOptions& options, uint64_t stream, uint64_t index,
          std::span<const int32_t> prompt);

  // logits [V]; `banned` ids cannot be chosen (end of sequence before min_new_tokens). Logits that
  // are no numbers give a log_prob that is none.
  SampledToken next(std::span<const float> logits, std::span<const int32_t> banned);

  // What the last token was drawn from; only after sampling.
  struct Candidate {
    int32_t id;
    float weight;  // its probability over the best one's
  };
  std::span<const Candidate> candidates() const { return kept_; }

 private:
  void adjust(std::span<const float> logits, std::span<const int32_t> banned);
  int32_t draw();
  void keep_top_p(double total);

  SamplingOptions options_;
  Random random_;
  std::unordered_set<int32_t> seen_;  // empty without a repetition penalty
  std::vector<float> scores_;         // [V], adjusted logits
  std::vector<Candidate> kept_;
};

}  // namespace attune::engine::generate
