// Byte-pair encoding as `tokenizers` 0.23 does it: a piece falls into characters (or bytes), and
// the pair of neighbours with the lowest rank merges, leftmost first, until none does. Sennrich et
// al. 2016 (arXiv 1508.07909); byte-level form: Radford et al. 2019.
#pragma once

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/pair_table.h"
#include "text/pieces.h"
#include "text/token_model.h"

namespace attune::text {

struct BpeOptions {
  std::optional<std::string> unk_token;
  std::string continuing_subword_prefix;
  std::string end_of_word_suffix;
  bool fuse_unk = false;       // one UNK for several unknown characters in a row
  bool byte_fallback = false;  // an unknown character falls into <0x..> tokens
  bool ignore_merges = false;  // a piece that is a token needs no merges
};

class Bpe : public TokenModel {
 public:
  using MergeText = std::pair<std::string, std::string>;

  // Errors name the merge whose parts or result the vocabulary lacks, and the UNK token if absent.
  static Result<Bpe> create(Vocabulary vocabulary, const std::vector<MergeText>& merges,
                            BpeOptions options);

  // SentencePiece's BPE: any two neighbours merge whose concatenation is a token, the best score
  // first. `scores` has one entry an id; ids listed in `excluded` (control, unused, byte) take no
  // part.
  static Result<Bpe> create_scored(Vocabulary vocabulary, const std::vector<double>& scores,
                                   const std::vector<bool>& excluded, BpeOptions options);

  // Whether pieces may come as raw bytes rather than in the byte-level alphabet, which saves the
  // translation: no option may look at characters.
  bool can_read_bytes() const;
  void read_bytes();  // from now on pieces are raw bytes

  void encode(std::string_view piece, ModelScratch& scratch,
              std::vector<ModelToken>& out) const override;
  const Vocabulary& vocabulary() const override { return vocabulary_; }
  std::optional<int32_t> unk_id() const override { return unk_id_; }
  Json to_json() const override;

 private:
  Bpe(Vocabulary vocabulary, BpeOptions options)
      : vocabulary_(std::move(vocabulary)), options_(std::move(options)) {}
  Status find_special_pieces();
  void first_symbols(std::string_view piece, ModelScratch& scratch) const;
  void first_symbols_of_bytes(std::string_view piece, ModelScratch& scratch) const;
  void encode_uncached(std::string_view piece, ModelScratch& scratch,
                       std::vector<ModelToken>& out) const;

  Vocabulary vocabulary_;
  Vocabulary raw_words_;  // with ignore_merges and raw bytes: the tokens as bytes
  BpeOptions options_;
  PairTable pairs_;
  std::optional<int32_t> unk_id_;
  std::array<int32_t, 256> byte_ids_{};      // <0x..> tokens, or the bytes themselves
  bool reads_bytes_ = false;
};

}  // namespace attune::text
