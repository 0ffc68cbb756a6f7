// SentencePiece models as plain data: read from .model files (a protobuf message) or filled from
// GGUF metadata, and made into tokenizers. Internal to text/.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/charsmap.h"
#include "text/tokenizer_state.h"

namespace attune::text {

enum class SentencePieceKind { kUnigram, kBpe };

struct SentencePieceModel {
  struct Piece {
    std::string text;
    float score = 0;
    int32_t type = kGgufTokenNormal;  // SentencePiece's types have the numbers of GgufTokenType
  };
  SentencePieceKind kind = SentencePieceKind::kUnigram;
  std::vector<Piece> pieces;
  SpecialIds ids;
  bool add_bos = false;
  bool add_eos = false;
  bool byte_fallback = false;
  std::string charsmap;
  SentencePieceSpaces spaces;
  // User-defined pieces are cut out of the text before all else (llama.cpp); else they pass the
  // normaliser as they are and are found in what it gives (SentencePiece).
  bool symbols_in_raw_text = false;
};

// The bytes of a .model file. kInvalidInput for what is no such message, kUnsupported for word and
// character models and for white space as suffix.
Result<SentencePieceModel> parse_sentencepiece(std::string_view bytes);

Result<std::shared_ptr<const TokenizerState>> build_from_sentencepiece(
    const SentencePieceModel& source);

}  // namespace attune::text
