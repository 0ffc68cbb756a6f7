// A SentencePiece file's lists as a converter to GGUF writes them. Header only.
#pragma once

#include <string>

#include "base/file.h"
#include "text/gguf_vocabulary.h"
#include "text/sentencepiece_model.h"

namespace attune::testing {

// `model` is "llama" or "t5".
inline text::GgufVocabulary converted_vocabulary(const std::string& path, const char* model) {
  text::SentencePieceModel source = text::parse_sentencepiece(read_file(path).value()).value();
  text::GgufVocabulary vocabulary;
  vocabulary.model = model;
  for (const auto& piece : source.pieces) {
    vocabulary.tokens.push_back(piece.text);
    vocabulary.scores.push_back(piece.score);
    vocabulary.token_types.push_back(piece.type);
  }
  vocabulary.bos = source.ids.bos;
  vocabulary.eos = source.ids.eos;
  vocabulary.unk = source.ids.unk;
  vocabulary.add_space_prefix = source.spaces.add_prefix;
  vocabulary.remove_extra_whitespaces = source.spaces.remove_extra;
  vocabulary.precompiled_charsmap = source.charsmap;
  return vocabulary;
}

}  // namespace attune::testing
