// Log-probs of completions under a reference, by row of a method: what ReferenceModel gives and the
// run directory keeps (reference.h).
//
// Letters: C branches of the rows asked for, R their completion tokens. Plain data; thread-safe to
// read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/comm/communicator.h"
#include "engine/models/token_tree.h"
#include "engine/tensor/tensor.h"

namespace attune::engine::train {

class ReferenceLogProbs {
 public:
  // Room for the trees; null entries stay without values.
  ReferenceLogProbs(const std::vector<const models::TokenTree*>& trees, bool tokens);

  // Sums [C] over completion tokens, of all branches of these rows in order; fp32.
  Tensor sums(const std::vector<int64_t>& rows) const;
  // Each completion token [R] of these rows, in the order of a TreeBatch; only when asked for.
  Tensor tokens(const std::vector<int64_t>& rows) const;

  // Fills in what a pass over `rows` gave.
  void set(const std::vector<int64_t>& rows, const models::BranchLogProbs& got);

  // Several ranks, each with passes of its own: leaves rows to another, and puts together what all
  // have set. Every row is set by one of them.
  void leave_to_others(const std::vector<int64_t>& rows);
  void add_up(comm::Communicator& ranks);

  // In one file, which appears whole or not at all. load() gives nothing when the file is absent,
  // damaged or of other rows.
  Status save(const std::string& path) const;
  static std::optional<ReferenceLogProbs> load(const std::string& path, ReferenceLogProbs room);

  bool has_tokens() const { return token_values_.defined(); }
  // How long they took; 0 when they were read.
  double seconds() const { return seconds_; }
  void set_seconds(double seconds) { seconds_ = seconds; }
  // The first row with a value that is no number; nothing when all have theirs.
  std::optional<int64_t> first_bad_row() const;

 private:
  Tensor sum_values_;    // [all branches] fp32
  Tensor token_values_;  // [all completion tokens] fp32, or undefined
  std::vector<int64_t> first_branch_;  // [rows + 1]
  std::vector<int64_t> first_token_;   // [rows + 1]
  double seconds_ = 0;
};

}  // namespace attune::engine::train
