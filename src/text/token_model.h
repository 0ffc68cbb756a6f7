// What turns a piece of text into ids: BPE (bpe.h) or Unigram (unigram.h). Models are immutable and
// thread-safe; each encode call brings its own scratch.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "text/vocabulary.h"
#include "text/word_cache.h"

namespace attune::text {

// A token and the bytes [begin, end) of its piece.
struct ModelToken {
  int32_t id;
  uint32_t begin;
  uint32_t end;
};

// Buffers that models reuse from piece to piece; contents mean nothing between calls, but for the
// cache, which belongs to one model.
struct ModelScratch {
  WordCache cache;
  struct Symbol {
    int32_t id;
    uint32_t begin, end;
    uint32_t rank;     // of the pair with the next symbol; UINT32_MAX when it does not merge
    int32_t merged;    // the id it would become
    int32_t previous, next;
  };
  std::vector<Symbol> symbols;
  struct Candidate {
    uint32_t rank;
    int32_t at;
    int32_t merged;
  };
  std::vector<Candidate> heap;
  struct Node {
    double score;
    int32_t id;
    int32_t begin;  // -1: not reached
  };
  std::vector<Node> nodes;
};

class TokenModel {
 public:
  virtual ~TokenModel() = default;
  // Appends the tokens of `piece` (not empty).
  virtual void encode(std::string_view piece, ModelScratch& scratch,
                      std::vector<ModelToken>& out) const = 0;
  // The tokens as written in tokenizer.json.
  virtual const Vocabulary& vocabulary() const = 0;
  virtual std::optional<int32_t> unk_id() const = 0;
  // The "model" section of a tokenizer.json.
  virtual Json to_json() const = 0;
};

}  // namespace attune::text
