// Generation with continuous batching: finished samples leave the batch at once and waiting
// requests enter, prompts are computed once for all their samples, and what a request gets does not
// depend on what else is in the batch (up to the order of sums in matrix products).
//
//   Generator generator(decoder, tokenizer, {.eos_ids = {2}});
//   auto answers = generator.run({request});                    // all at once, or
//   int64_t handle = TRY(generator.submit(request));            // step by step
//   while (!generator.idle()) TRY(generator.step(events));
//
// Not thread-safe. Exceptions of LibTorch become Results here.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/generate/request.h"
#include "engine/models/decoder.h"
#include "engine/tensor/tensor.h"
#include "text/tokenizer.h"

namespace attune::engine::generate {

struct GeneratorOptions {
  std::vector<int32_t> eos_ids = {};  // end a sample; generation_config's, else the tokenizer's
  // Bounds what runs at once. A request that is larger alone runs alone.
  int64_t rows_max = 64;                  // samples
  int64_t cache_bytes_max = int64_t{2} << 30;  // of keys and values, reserved at admission
  int64_t prefill_tokens_max = 2048;      // prompt tokens of one pass
  // [1, D], or undefined: a score head whose values of the states passed through are wanted too
  // (Completion::values). What trains it must not run meanwhile.
  Tensor value_head = {};
};

struct GeneratorEvents {
  // Text of one sample that became certain: whole UTF-8 characters, never part of a stop string.
  std::function<void(int64_t handle, int64_t index, std::string_view text)> on_text;
  // All samples of a request, in order.
  std::function<void(int64_t handle, std::vector<Completion> completions)> on_done;
};

// What has gone through the model since the generator was made.
struct GeneratorStatistics {
  int64_t prefilled_tokens = 0;  // of prompts, each once for all its samples
  int64_t decoded_tokens = 0;    // of samples, one a step and running sample
};

// A cache budget from the memory that the model's device has free now: a quarter of it.
int64_t default_cache_bytes(at::Device device);

class Generator {
 public:
  Generator(models::Decoder& decoder, const text::Tokenizer& tokenizer, GeneratorOptions options);
  ~Generator();

  // Checks a request and puts it in the queue. kInvalidInput names the option; a prompt that fills
  // the model's context, an id outside of its vocabulary and an unknown adapter are refused.
  Result<int64_t> submit(GenerateRequest request);

  // Drops a request, waiting or running; nothing more is reported of it. Unknown handles are
  // ignored.
  void cancel(int64_t handle);

  bool idle() const;  // nothing waits or runs
  int64_t waiting() const;
  GeneratorStatistics statistics() const;

  // Admits what fits, then gives every running sample one token. After an error the generator is
  // empty.
  Status step(const GeneratorEvents& events);

  // Submits all and steps until they are done; results in the order of the requests.
  Result<std::vector<std::vector<Completion>>> run(std::vector<GenerateRequest> requests);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The completions of a few prompts, for trainers that show samples. `options` is a request whose
// prompt is left out.
Result<std::vector<std::vector<Completion>>> generate_texts(
    models::Decoder& decoder, const text::Tokenizer& tokenizer,
    const std::vector<std::vector<int32_t>>& prompts, const GenerateRequest& options,
    const GeneratorOptions& generator_options);

}  // namespace attune::engine::generate
