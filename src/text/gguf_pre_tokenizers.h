// What the pre-tokenizer names in GGUF files (tokenizer.ggml.pre) stand for. Thread-safe.
#pragma once

#include <optional>
#include <string_view>

#include "base/json.h"

namespace attune::text {

struct GgufPreTokenizer {
  Json pre_tokenizer;  // as a section of a tokenizer.json
  Json normalizer;     // null: none
  bool ignore_merges = false;
};

// Nothing for a name that is not known.
std::optional<GgufPreTokenizer> gguf_pre_tokenizer(std::string_view name);

}  // namespace attune::text
