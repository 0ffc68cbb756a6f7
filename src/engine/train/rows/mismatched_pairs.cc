#include "engine/train/rows/mismatched_pairs.h"

#include <algorithm>

#include "base/random.h"

namespace attune::engine::train {
namespace {

constexpr uint64_t kRotationStream = 0x6b70;

std::vector<int32_t> prompt_of(const TreeRow& row) {
  const models::TokenBranch& branch = row.tree.branches[0];
  std::vector<int32_t> prompt = row.tree.prompt;
  prompt.insert(prompt.end(), branch.ids.begin(), branch.ids.begin() + branch.first);
  return prompt;
}

models::TokenTree mismatched(const TreeRow& asked, const TreeRow& answered,
                             const std::optional<int64_t>& max_length) {
  models::TokenTree tree;
  tree.prompt = prompt_of(asked);
  const models::TokenBranch& other = answered.tree.branches[0];
  std::vector<int32_t> ids(other.ids.begin() + other.first, other.ids.end());
  if (max_length) {
    const int64_t room = *max_length - static_cast<int64_t>(tree.prompt.size());
    ids.resize(static_cast<size_t>(std::clamp<int64_t>(static_cast<int64_t>(ids.size()), 1,
                                                       std::max<int64_t>(room, 1))));
  }
  tree.branches.push_back({std::move(ids), 0});
  return tree;
}

}  // namespace

Result<Mismatching> parse_mismatching(const std::string& name) {
  if (name == "rotation") return Mismatching::kRotation;
  if (name == "blocks") return Mismatching::kBlocks;
  return invalid_input("kl_pairs: {} is unknown; use rotation or blocks", name);
}

std::vector<models::TokenTree> mismatched_trees(const std::vector<TreeRow>& all,
                                                const std::vector<int64_t>& rows, int64_t step,
                                                const MismatchOptions& options) {
  const auto at = [&](int64_t row) -> const TreeRow& { return all[static_cast<size_t>(row)]; };
  std::vector<models::TokenTree> trees;
  if (options.by == Mismatching::kBlocks) {
    for (int64_t row : rows) {
      const int64_t begin = row / options.block * options.block;
      const int64_t end = std::min(begin + options.block, static_cast<int64_t>(all.size()));
      const int64_t partner = row == begin ? end - 1 : row - 1;
      trees.push_back(mismatched(at(row), at(partner), options.max_length));
    }
    return trees;
  }
  const auto count = static_cast<int64_t>(rows.size());
  if (count < 2) return trees;
  Random random(options.seed ^ kRotationStream, static_cast<uint64_t>(step));
  const auto shift = 1 + static_cast<int64_t>(random.below(static_cast<uint64_t>(count - 1)));
  for (int64_t i = 0; i < count; ++i) {
    const std::vector<int32_t> prompt = prompt_of(at(rows[static_cast<size_t>(i)]));
    for (int64_t k = 0; k < count; ++k) {
      const int64_t partner = rows[static_cast<size_t>((i + shift + k) % count)];
      if (prompt_of(at(partner)) == prompt) continue;
      trees.push_back(mismatched(at(rows[static_cast<size_t>(i)]), at(partner),
                                 options.max_length));
      break;
    }
  }
  return trees;
}

}  // namespace attune::engine::train
