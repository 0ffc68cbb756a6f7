#include "engine/models/token_tree.h"

#include <ATen/ops/index_add.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <span>

#include "base/check.h"

namespace attune::engine::models {
namespace {

std::span<const int32_t> from(const std::vector<int32_t>& ids, int64_t begin, int64_t end) {
  return {ids.data() + begin, static_cast<size_t>(end - begin)};
}

// How many first ids of the prompt all completions have in common.
int64_t shared_prefix(const std::vector<data::TokenizedCompletion>& completions) {
  const std::vector<int32_t>& first = completions.front().ids;
  int64_t length = completions.front().boundary;
  for (const data::TokenizedCompletion& completion : completions) {
    length = std::min(length, completion.boundary);
    const auto end = first.begin() + length;
    length = std::mismatch(first.begin(), end, completion.ids.begin(),
                           completion.ids.begin() + length)
                 .first -
             first.begin();
  }
  return length;
}

}  // namespace

int64_t TokenTree::tokens() const {
  auto count = static_cast<int64_t>(prompt.size());
  for (const TokenBranch& branch : branches) count += static_cast<int64_t>(branch.ids.size());
  return count;
}

int64_t TokenTree::unshared_tokens() const {
  const auto repeats = static_cast<int64_t>(branches.size()) - 1;
  return tokens() + repeats * static_cast<int64_t>(prompt.size());
}

int64_t TokenTree::completion_tokens() const {
  int64_t count = 0;
  for (const TokenBranch& branch : branches) count += branch.completion_tokens();
  return count;
}

TokenTree make_token_tree(const std::vector<data::TokenizedCompletion>& completions, bool whole) {
  CHECK(!completions.empty(), "a tree without completions");
  const int64_t shared = shared_prefix(completions);
  TokenTree tree;
  const std::vector<int32_t>& first = completions.front().ids;
  tree.prompt.assign(first.begin(), first.begin() + shared);
  for (const data::TokenizedCompletion& completion : completions) {
    const auto size = static_cast<int64_t>(completion.ids.size());
    const auto own = from(completion.ids, shared, whole ? size : completion.end);
    tree.branches.push_back({{own.begin(), own.end()}, completion.boundary - shared});
  }
  return tree;
}

// Where a branch and the prompt before it lie in the pass.
struct TreeBatch::Place {
  int64_t prompt_begin = 0;  // packed row of the prompt's first token
  int64_t own_begin = 0;     // packed row of the branch's first own id
};

void TreeBatch::add(const TokenTree& tree) {
  const auto shared = static_cast<int64_t>(tree.prompt.size());
  int64_t root = -1;
  Place place;
  if (options_.share_prompts && shared > 0) {
    place.prompt_begin = batch.layout.tokens();
    root = batch.add_root(tree.prompt);
  }
  for (const TokenBranch& branch : tree.branches) {
    // The last token predicts nothing that is asked for; it is left out unless it is scored.
    const auto size = static_cast<int64_t>(branch.ids.size());
    const auto own = from(branch.ids, 0, options_.scores ? size : std::max<int64_t>(size - 1, 0));
    if (root >= 0) {
      place.own_begin = batch.layout.tokens();
      if (!own.empty()) batch.add_child(root, own);
    } else {
      place.prompt_begin = batch.layout.tokens();
      place.own_begin = place.prompt_begin + shared;
      std::vector<int32_t> sequence = tree.prompt;
      sequence.insert(sequence.end(), own.begin(), own.end());
      if (!sequence.empty()) batch.add_root(sequence);
    }
    prompt_begins.push_back(place.prompt_begin);
    ask(tree, branch, place);
  }
}

// Requests of a branch. A first token without anything before it cannot be predicted.
void TreeBatch::ask(const TokenTree& tree, const TokenBranch& branch, const Place& place) {
  const auto shared = static_cast<int64_t>(tree.prompt.size());
  const auto size = shared + static_cast<int64_t>(branch.ids.size());
  const int64_t owner = branches();
  const int64_t begin = options_.prompt_targets ? 1 : std::max<int64_t>(shared + branch.first, 1);
  const auto row_of = [&](int64_t t) {
    return t < shared ? place.prompt_begin + t : place.own_begin + t - shared;
  };
  int64_t count = 0;
  for (int64_t t = begin; options_.log_probs && t < size; ++t) {
    rows.push_back(row_of(t - 1));
    targets.push_back(t < shared ? tree.prompt[static_cast<size_t>(t)]
                                 : branch.ids[static_cast<size_t>(t - shared)]);
    owners.push_back(owner);
    ++count;
  }
  counts.push_back(count);
  if (options_.scores) last_rows.push_back(row_of(size - 1));
}

std::vector<int64_t> TreeBatch::asked_rows() const {
  std::vector<int64_t> asked = rows;
  asked.insert(asked.end(), last_rows.begin(), last_rows.end());
  return asked;
}

BranchLogProbs branch_log_probs_of(Decoder& decoder, const TreeBatch& pass, const Tensor& hidden,
                                   const ops::LogProbOptions& options) {
  CHECK(!pass.rows.empty(), "a pass that asks for no log-probs");
  ops::LogProbs result =
      ops::linear_log_probs(hidden, decoder.head_weight(), decoder.head_bias(),
                            at::tensor(pass.rows), at::tensor(pass.targets), options);
  BranchLogProbs got;
  got.tokens = std::move(result.log_probs);
  got.sums = sum_by_branch(pass, got.tokens);
  got.entropy = std::move(result.entropy);
  got.correct = std::move(result.correct);
  got.log_sum_squares = std::move(result.log_sum_squares);
  return got;
}

BranchLogProbs branch_log_probs(Decoder& decoder, const TreeBatch& pass,
                                const ForwardOptions& forward,
                                const ops::LogProbOptions& options) {
  ForwardOptions asked = forward;
  asked.rows = pass.asked_rows();
  return branch_log_probs_of(decoder, pass, decoder.forward(pass.batch, asked), options);
}

Tensor sum_by_branch(const TreeBatch& pass, const Tensor& values) {
  return at::index_add(at::zeros({pass.branches()}, values.options()), 0, at::tensor(pass.owners),
                       values);
}

}  // namespace attune::engine::models
