// A decoder written back as a Hugging Face folder that Transformers opens unchanged.
#pragma once

#include <string>

#include "base/result.h"
#include "engine/models/decoder.h"
#include "weights/model_files.h"

namespace attune::engine::models {

struct SaveOptions {
  at::ScalarType dtype = at::kFloat;  // of the stored weights: kFloat, kBFloat16 or kHalf
};

// Writes a model folder that appears whole or not at all: the weights with Transformers' names and
// layouts (a tied head is left out, as Transformers does), and config.json, generation_config.json,
// tokenizer and chat template of `like`, the model that this one was loaded from. A classifier gets
// id2label, and no pad_token_id that is also an end of sequence. Errors: a base
// held in blocks (save its adapters instead); a place that is taken; the disk.
Status save_decoder(Decoder& decoder, const weights::ModelFiles& like, const std::string& folder,
                    const SaveOptions& options = {});

}  // namespace attune::engine::models
