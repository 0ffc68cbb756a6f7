// The options of `attune train dpo` as a PreferenceSetup (recipes/dpo.cc names them).
#pragma once

#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/train/preferences/preference_method.h"
#include "engine/train/rows/tree_rows.h"

namespace attune::engine::train {

// Errors name the option.
Result<PreferenceSetup> read_preference_setup(const Json& config);

// What the data brings must fit the losses too: soft labels, ties.
Status check_rows(const PreferenceSetup& setup, const std::vector<TreeRow>& rows);

// Training rows of which none says which answer is better (every pair has a chosen_probability of
// 0.5) would train on a loss that is flat where it begins: an error.
Status check_order(const PreferenceSetup& setup, const std::vector<TreeRow>& rows);

// When and how the reference moves; nothing: it stays.
struct ReferenceMoves {
  double alpha = 0.6;
  int64_t steps = 512;
};
Result<std::optional<ReferenceMoves>> read_reference_moves(const Json& config);

}  // namespace attune::engine::train
