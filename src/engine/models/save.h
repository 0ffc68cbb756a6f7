// A decoder written back as a Hugging Face folder that Transformers opens unchanged.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "engine/models/decoder.h"

namespace attune::engine::models {

struct SaveOptions {
  at::ScalarType dtype = at::kFloat;  // of the stored weights: kFloat, kBFloat16 or kHalf
};

// Writes `folder`/model.safetensors (Transformers' names and layouts; a tied head is left out, as
// Transformers does) and `folder`/config.json: `config` as it was read, with dtype, architectures
// and tie_word_embeddings as they are now. Tokenizer files are not the decoder's business. Each
// file appears whole or not at all. Errors: a base held in blocks (save its adapters instead); the
// disk.
Status save_decoder(Decoder& decoder, const Json& config, const std::string& folder,
                    const SaveOptions& options = {});

}  // namespace attune::engine::models
