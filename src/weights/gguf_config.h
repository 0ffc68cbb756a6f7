// The config.json, generation_config.json and vocabulary that a GGUF file's metadata amount to.
#pragma once

#include "base/json.h"
#include "base/result.h"
#include "text/gguf_vocabulary.h"
#include "weights/gguf.h"
#include "weights/gguf_names.h"

namespace attune::weights {

// A config.json in Transformers' words for the families of weights/gguf_names.h. Keys with a
// default in the format get it (rope base 10000, key heads = heads). A tied head is an absent
// output.weight. Errors name the file and key: missing or absurd sizes, per-layer head counts,
// unknown rope scaling.
Result<Json> config_from_gguf(const GgufFile& file, const GgufFamily& family);

// Heads and key heads by architecture.
Result<HeadCounts> head_counts_of(const GgufFile& file);

// bos_token_id, eos_token_id, pad_token_id as far as the file names them.
Result<Json> generation_config_from_gguf(const GgufFile& file);

// tokenizer.ggml.*; an error when the file has none.
Result<text::GgufVocabulary> vocabulary_from_gguf(const GgufFile& file);

}  // namespace attune::weights
