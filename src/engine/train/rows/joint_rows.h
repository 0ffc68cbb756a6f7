// Rows of DOVE: two (prompt, completion) pairs, of which one is preferred, and the joint
// probability of prompt and completion counts (arXiv 2404.00530; losses.md §11).
#pragma once

#include "engine/train/rows/tree_rows.h"

namespace attune::engine::train {

// The row with its prompt as a part of both answers, so that a pass asks for the prompt's tokens
// too (all but a sequence's first, which nothing predicts). What the answers have in common is then
// computed for each of them.
TreeRow joint_row(TreeRow row);

}  // namespace attune::engine::train
