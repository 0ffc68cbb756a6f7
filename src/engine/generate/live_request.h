// A request that is running: its samples, their caches and what they have said. Internal to
// generate/.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/generate/kv_cache.h"
#include "engine/generate/request.h"
#include "engine/generate/sampler.h"
#include "engine/generate/stop_text.h"
#include "text/tokenizer.h"

namespace attune::engine::generate {

// Ids that end a request's samples.
struct StopIds {
  std::vector<int32_t> end_of_sequence;  // banned before min_new_tokens
  std::vector<int32_t> all;              // with the request's own
};

class LiveSample {
 public:
  // `wants_values`: of the states, as Completion::values.
  LiveSample(const GenerateRequest& request, int64_t max_new_tokens, uint64_t index,
             const text::Tokenizer& tokenizer, bool wants_values);

  // Chooses the next token; safe to call for different samples at once.
  SampledToken choose(std::span<const float> logits, const StopIds& stop_ids);
  // Takes it up; returns the text that became certain. Sets finished() when it was the last.
  std::string accept(const SampledToken& token, const StopIds& stop_ids);

  // The value of the state after the last token, which a sample that is finished() but not closed()
  // waits for.
  void close(float value);

  bool finished() const { return finished_; }  // has its tokens
  bool closed() const { return closed_; }      // and needs no pass any more
  int32_t last_token() const { return completion.tokens.back(); }
  int64_t length() const { return static_cast<int64_t>(completion.tokens.size()); }

  Completion completion;
  std::unique_ptr<KvSegment> segment;

 private:
  void finish(FinishReason reason, std::string* shown);

  Sampler sampler_;
  text::StreamDecoder decoder_;
  StopText stop_text_;
  int64_t max_new_tokens_;
  int64_t min_new_tokens_;
  bool wants_values_;
  bool finished_ = false;
  bool closed_ = false;
};

struct LiveRequest {
  int64_t handle = 0;
  GenerateRequest request;
  StopIds stop_ids;
  int64_t max_new_tokens = 0;  // the request's, or less where the context ends
  std::shared_ptr<KvSegment> prompt;
  std::vector<LiveSample> samples;  // empty until it is admitted

  // Tokens of cache it may come to need.
  int64_t reserved_tokens() const {
    return static_cast<int64_t>(request.prompt.size()) +
           request.num_return_sequences * max_new_tokens;
  }
  bool done() const;
  std::vector<Completion> take_completions();
};

}  // namespace attune::engine::generate
