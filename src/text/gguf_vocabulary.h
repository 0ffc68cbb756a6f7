// The vocabulary part of a GGUF file as plain data: weights/ fills it from the file's metadata
// (keys tokenizer.ggml.*), Tokenizer::from_gguf builds a tokenizer of it. Nothing here is checked;
// from_gguf reports what does not fit together.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace attune::text {

// The values of tokenizer.ggml.token_type.
enum GgufTokenType : int32_t {
  kGgufTokenNormal = 1,
  kGgufTokenUnknown = 2,
  kGgufTokenControl = 3,
  kGgufTokenUserDefined = 4,
  kGgufTokenUnused = 5,
  kGgufTokenByte = 6,
};

struct GgufVocabulary {
  std::string model;                 // tokenizer.ggml.model: "gpt2", "llama", "t5"
  std::string pre;                   // tokenizer.ggml.pre: "gpt-2", "smollm", ...; may be empty
  std::vector<std::string> tokens;   // index = id
  std::vector<float> scores;         // as long as tokens, or empty
  std::vector<int32_t> token_types;  // as long as tokens, or empty (then all are normal)
  std::vector<std::string> merges;   // "left right", best first; byte-level BPE only
  std::optional<int32_t> bos, eos, unk, pad;
  bool add_bos = false;
  bool add_eos = false;
  bool add_space_prefix = true;      // SentencePiece-like models put a space before the text
  // tokenizer.ggml.precompiled_charsmap ("t5" models), the bytes of SentencePiece's table; may be
  // empty.
  std::string precompiled_charsmap;
  bool remove_extra_whitespaces = false;  // tokenizer.ggml.remove_extra_whitespaces
};

}  // namespace attune::text
