// What the methods that learn from pairs share: which pairs the rows have (a preference has one, a
// ranking those of a named rule), and where the two sides of each lie in a pass. A unit is a pair,
// so a step's loss is the mean over all of its pairs, however passes are cut.
//
// Letters: P pairs of a pass, C branches, R requested log-probs. Not thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/train/preferences/tree_method.h"
#include "feedback/rankings_to_pairs.h"

namespace attune::engine::train {

// Two branches of a row.
struct RowPair {
  int64_t chosen = 0;
  int64_t rejected = 0;
  double chosen_probability = 1;
};

// The pairs of a row: of a ranking, those of the rule. None when all of its answers are tied and
// ties make no pair. The ranking has no fault (read_tree_rows leaves such rows out).
std::vector<RowPair> pairs_of_row(const TreeRow& row, const feedback::PairOptions& options);

// Reads ranking_pairs, ranking_ties and seed.
Result<feedback::PairOptions> read_pair_options(const Json& config);

// The pairs of a pass.
struct PassPairs {
  Tensor chosen, rejected;     // [P] int64: branches of the pass
  Tensor chosen_probability;   // [P] fp32; undefined when all are 1
  std::vector<int64_t> first;  // [rows + 1]: of each row of the pass
  int64_t count() const { return chosen.size(0); }
};

class PairMethod : public TreeMethod {
 public:
  int64_t row_units(Split split, int64_t row) const override;
  const char* unit_name() const override { return "pairs"; }

 protected:
  PairMethod(models::Decoder& decoder, TreeMethodOptions options,
             const feedback::PairOptions& pairs, std::vector<TreeRow> train,
             std::vector<TreeRow> evaluation);

  const std::vector<RowPair>& row_pairs(Split split, int64_t row) const;
  PassPairs pairs_of(Split split, const std::vector<int64_t>& rows, const TreePass& pass) const;

  // Completion tokens by branch [C] fp32, as a divisor.
  static Tensor branch_tokens(const TreePass& pass);
  // entropy over all completions, mean_token_accuracy over the chosen ones, logits/chosen and
  // logits/rejected (means over the vocabulary), as TRL.
  void add_token_metrics(const TreePass& pass, const PassPairs& pairs, PassResult* result);

 private:
  std::vector<std::vector<RowPair>> train_pairs_;
  std::vector<std::vector<RowPair>> evaluation_pairs_;
};

// A metric that is a mean over pairs; values [P].
Mean mean_over_pairs(const Tensor& values);

}  // namespace attune::engine::train
