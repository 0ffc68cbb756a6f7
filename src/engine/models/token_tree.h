// A prompt with its completions, and the pass that asks for their log-probabilities or scores: the
// one shape of batch behind scoring, preferences, rankings and rollouts (design §4). The prompt is
// computed once, exactly, for all its completions; the last prompt token predicts the first token
// of each.
//
//   TreeBatch pass({.scores = false});
//   pass.add(tree);                                         // any number of trees
//   BranchLogProbs got = branch_log_probs(decoder, pass);   // got.sums [C], in the order of adding
//
// Letters: C branches (completions) of a pass, R requested log-probs, N packed tokens.
// Plain data; not thread-safe while it is being built.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "data/tokenized.h"
#include "engine/models/decoder.h"
#include "engine/models/packed_batch.h"
#include "engine/ops/linear_log_probs.h"

namespace attune::engine::models {

struct TokenBranch {
  std::vector<int32_t> ids;  // what follows the shared prompt
  int64_t first = 0;         // ids before it still belong to the prompt (another cut of its end)

  int64_t completion_tokens() const { return static_cast<int64_t>(ids.size()) - first; }
};

struct TokenTree {
  std::vector<int32_t> prompt;  // what all completions begin with; may be empty
  std::vector<TokenBranch> branches;

  int64_t tokens() const;            // packed, with the prompt once
  int64_t unshared_tokens() const;   // with the prompt once a branch
  int64_t completion_tokens() const;
};

// The tree of completions that were tokenised with their prompt: the prompt's common ids are
// shared. `whole` keeps what a template puts behind a completion's end of turn, as training does;
// otherwise a branch ends at TokenizedCompletion::end. At least one completion.
TokenTree make_token_tree(const std::vector<data::TokenizedCompletion>& completions, bool whole);

struct TreeBatchOptions {
  bool share_prompts = true;    // off: every branch is a sequence of its own (adapter dropout)
  bool prompt_targets = false;  // ask for the prompt's tokens too (losses over whole rows)
  bool log_probs = true;        // ask for the completions' tokens
  bool scores = false;          // the last token of a branch is computed: its state is scored
};

class TreeBatch {
 public:
  TreeBatch() = default;
  explicit TreeBatch(const TreeBatchOptions& options) : options_(options) {}

  void add(const TokenTree& tree);

  PackedBatch batch;
  std::vector<int64_t> rows;       // [R] packed row that predicts ...
  std::vector<int64_t> targets;    // [R] ... this token
  std::vector<int64_t> owners;     // [R] of this branch
  std::vector<int64_t> last_rows;  // [C] packed row of a branch's last token (with options.scores)
  std::vector<int64_t> counts;     // [C] log-probs asked for a branch
  std::vector<int64_t> prompt_begins;  // [C] packed row of the first token of a branch's prompt

  // What ForwardOptions::rows asks for: `rows` and `last_rows`.
  std::vector<int64_t> asked_rows() const;

  int64_t branches() const { return static_cast<int64_t>(counts.size()); }

 private:
  struct Place;
  void ask(const TokenTree& tree, const TokenBranch& branch, const Place& place);

  TreeBatchOptions options_;
};

struct BranchLogProbs {
  Tensor tokens;  // [R] fp32, differentiable: each requested log-prob
  Tensor sums;    // [C] fp32, differentiable: their sum by branch
  std::optional<Tensor> entropy;  // [R]
  std::optional<Tensor> correct;  // [R]
  std::optional<Tensor> log_sum_squares;  // [R]
};

// One forward pass. LibTorch's exceptions pass through.
BranchLogProbs branch_log_probs(Decoder& decoder, const TreeBatch& pass,
                                const ForwardOptions& forward = {},
                                const ops::LogProbOptions& options = {});

// The same from hidden states [N, D] that the caller has.
BranchLogProbs branch_log_probs_of(Decoder& decoder, const TreeBatch& pass, const Tensor& hidden,
                                   const ops::LogProbOptions& options = {});

// Sums [C] of per-request values [R] by branch; differentiable.
Tensor sum_by_branch(const TreeBatch& pass, const Tensor& values);

}  // namespace attune::engine::models
