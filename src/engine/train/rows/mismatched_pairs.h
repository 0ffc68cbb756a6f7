// KTO's mismatched pairs: each prompt of a step with the completion of another row, from which the
// reference point z is estimated (arXiv 2402.01306 §4; losses.md §11).
//
//   kRotation  completions of the whole step, rotated by a seeded number of rows; rows with the
//              same prompt are passed over, since their completions match
//   kBlocks    TRL's: rows of the data set in blocks of per_device_train_batch_size, each row with
//              the completion of the row before it, a block's first row with its last
//
// Pure functions: which pairs a step has needs no state.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/models/token_tree.h"
#include "engine/train/rows/tree_rows.h"

namespace attune::engine::train {

enum class Mismatching { kRotation, kBlocks };
Result<Mismatching> parse_mismatching(const std::string& name);  // "rotation", "blocks"

struct MismatchOptions {
  Mismatching by = Mismatching::kRotation;
  int64_t block = 8;                         // of kBlocks
  uint64_t seed = 42;                        // of kRotation
  std::optional<int64_t> max_length = 1024;  // of prompt + completion; absent: no limit
};

// One tree for each pair; rows that have no partner (every other row has the same prompt) have
// none. `all` are single completions, `rows` those of the step.
std::vector<models::TokenTree> mismatched_trees(const std::vector<TreeRow>& all,
                                                const std::vector<int64_t>& rows, int64_t step,
                                                const MismatchOptions& options);

}  // namespace attune::engine::train
