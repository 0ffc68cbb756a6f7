#include "engine/train/rows/joint_rows.h"

namespace attune::engine::train {

TreeRow joint_row(TreeRow row) {
  for (models::TokenBranch& branch : row.tree.branches) {
    branch.ids.insert(branch.ids.begin(), row.tree.prompt.begin(), row.tree.prompt.end());
    branch.first = 0;
  }
  row.tree.prompt.clear();
  return row;
}

}  // namespace attune::engine::train
