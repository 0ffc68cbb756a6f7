// The other direction of weights/gguf_config.h: GGUF metadata from a config.json and a tokenizer.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/gguf_vocabulary.h"
#include "text/tokenizer.h"
#include "weights/gguf_names.h"
#include "weights/gguf_writer.h"
#include "weights/model_files.h"

namespace attune::weights {

// general.* and the architecture's keys. Errors name the config's key: one that is missing, and
// what GGUF's architectures cannot express (Falcon with ALiBi or sequential blocks, unknown rope
// scaling).
Status add_config_metadata(const Json& config, const GgufFamily& family, GgufMetadata& metadata);

// tokenizer.*
void add_vocabulary_metadata(const text::GgufVocabulary& vocabulary,
                             const std::string& chat_template, GgufMetadata& metadata);

// A vocabulary that gives the same ids as the tokenizer. `pre` is the first known name whose cuts
// agree on a probe text. kUnsupported when none does, or for Unigram models.
Result<text::GgufVocabulary> gguf_vocabulary_of(const text::Tokenizer& tokenizer,
                                                int64_t vocabulary_size);

// Llama 3's divisors of the rotary frequencies (rope_freqs.weight), [head_dim / 2]; empty when the
// config scales otherwise or not at all.
Result<std::vector<float>> rope_divisors(const Json& config);

// Heads by a config.json of the known families.
Result<HeadCounts> head_counts_of(const Json& config);

}  // namespace attune::weights
