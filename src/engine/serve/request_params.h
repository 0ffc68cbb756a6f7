// The parameters of channel requests (protocol/channel.h), checked and given their types.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "data/example.h"
#include "data/tokenized.h"
#include "engine/evaluate/score.h"
#include "engine/generate/request.h"

namespace attune::engine::serve {

// A generate request: `prompt` (a string as it stands, or messages) or `messages`, with `tools` and
// `chat_template_kwargs`; max_new_tokens, min_new_tokens, num_return_sequences, do_sample,
// temperature, top_k, top_p, min_p, repetition_penalty, seed, stop_strings (a string or a list),
// stop_token_ids, stream (token events), stream_index (which of the requests of one seed this is).
// Without do_sample, sampling is on when one of temperature (not 0), top_k, top_p or min_p is
// given.
struct GenerateParams {
  generate::GenerateRequest request;  // prompt and adapters not yet filled in
  data::Example prompt;               // form kPrompt
  bool stream = false;
};

// kInvalidInput names the key: unknown ones with the nearest known name, wrong types and values.
Result<GenerateParams> parse_generate_params(const OrderedJson& params);

// A score request: one example in any of its forms (data/example.h) and append_eos, by default what
// the model was trained with: on for a reward model, off for a language model.
struct ScoreParams {
  data::Example example;
  data::CompletionOptions completion;
};
Result<ScoreParams> parse_score_params(const OrderedJson& params, bool append_eos = false);

}  // namespace attune::engine::serve
