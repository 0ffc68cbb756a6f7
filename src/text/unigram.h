// Unigram language model tokenization: the segmentation of a piece with the largest sum of token
// log-probabilities, by Viterbi over its characters. Kudo 2018 (arXiv 1804.10959); details as in
// `tokenizers` 0.23 (double precision) or SentencePiece (single precision).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "text/byte_trie.h"
#include "text/pieces.h"
#include "text/token_model.h"

namespace attune::text {

struct UnigramOptions {
  std::optional<int32_t> unk_id;
  bool byte_fallback = false;
  // SentencePiece's arithmetic (float sums) instead of the reference's doubles.
  bool single_precision = false;
  // What an unknown character's score is below; absent: the lowest score of all.
  std::optional<double> worst_score = std::nullopt;
};

class Unigram : public TokenModel {
 public:
  // Ids in `excluded` (may be empty) are never produced by segmentation (control, unused, byte).
  // kInvalidInput when a score is not finite or unk_id names no token.
  static Result<Unigram> create(Vocabulary vocabulary, std::vector<double> scores,
                                const std::vector<bool>& excluded, UnigramOptions options);

  void encode(std::string_view piece, ModelScratch& scratch,
              std::vector<ModelToken>& out) const override;
  const Vocabulary& vocabulary() const override { return vocabulary_; }
  std::optional<int32_t> unk_id() const override { return options_.unk_id; }
  Json to_json() const override;

 private:
  Unigram(Vocabulary vocabulary, std::vector<double> scores, UnigramOptions options)
      : vocabulary_(std::move(vocabulary)), scores_(std::move(scores)), options_(options) {}
  void find_best_path(std::string_view piece, ModelScratch& scratch) const;
  void push_unknown(std::string_view piece, Span span, std::vector<ModelToken>& out) const;
  double sum(double a, double b) const {
    return options_.single_precision ? static_cast<double>(static_cast<float>(a + b)) : a + b;
  }

  Vocabulary vocabulary_;
  std::vector<double> scores_;   // by id, as given
  std::vector<double> weights_;  // by id, as the reference computes with them
  UnigramOptions options_;
  ByteTrie trie_;
  std::vector<int32_t> byte_ids_;
  double unk_score_ = 0;
};

}  // namespace attune::text
