// What the methods that learn from judged answers share (preferences, rankings, single judgements):
// their rows, and the one forward pass that gives the policy's log-probs of all completions. What a
// row counts as (row_units) and what the log-probs cost is a method's own.
//
//   const TreePass got = forward(split, rows, options);
//   got.policy.sums                      [C], branches of the rows, in order
//   got.first_branch[i]                  the first of row i of the pass
//
// Letters: C branches of a pass, R their requested log-probs, N packed tokens, D width. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/models/decoder.h"
#include "engine/models/token_tree.h"
#include "engine/ops/linear_log_probs.h"
#include "engine/train/method.h"
#include "engine/train/rows/row_splits.h"
#include "engine/train/rows/tree_rows.h"

namespace attune::engine::train {

struct TreeMethodOptions {
  std::vector<std::string> adapters;  // the stack that trains; empty: all weights
  bool dropout = false;               // of adapters, while training
  models::TreeBatchOptions batch;     // what a pass asks for
  bool reads_prompts = false;         // hidden states of more than its asked_rows() are used
};

// The stack and dropout of a run: `disable_dropout` (TRL's default) turns the adapters' dropout
// off; left on, prompts cannot be shared while training, and the log says so.
Result<TreeMethodOptions> tree_method_options(const Json& config, models::Decoder& decoder,
                                              const std::vector<std::string>& adapters);

// One forward pass over rows.
struct TreePass {
  models::TreeBatch batch;
  std::vector<int64_t> first_branch;  // [rows + 1]
  Tensor hidden;                      // [N, D]
  models::BranchLogProbs policy;      // of a batch that asks for log-probs
};

// A metric that is a mean over tokens: `values` [R] of the requests whose branch is in `branches`
// (all of them when empty).
Mean mean_over_tokens(const TreePass& pass, const Tensor& values,
                      const std::vector<bool>& branches = {});

class TreeMethod : public Method {
 public:
  // The trees of a split's rows, for ReferenceModel::log_probs.
  std::vector<const models::TokenTree*> trees(Split split) const;

  int64_t row_count(Split split) const override;
  int64_t row_tokens(Split split, int64_t row) const override;
  int64_t row_counted_tokens(Split split, int64_t row) const override;
  std::string row_name(Split split, int64_t row) const override;
  std::string fingerprint() const override;

 protected:
  // The decoder outlives the method.
  TreeMethod(models::Decoder& decoder, TreeMethodOptions options, std::vector<TreeRow> train,
             std::vector<TreeRow> evaluation);

  const std::vector<TreeRow>& rows(Split split) const;
  const TreeRow& row_at(Split split, int64_t row) const;
  models::Decoder& decoder() { return decoder_; }

  // The trees of these rows in one batch; row i has the branches from first_branch[i] on.
  TreePass make_pass(Split split, const std::vector<int64_t>& rows, bool training) const;
  // LibTorch's exceptions pass through.
  TreePass forward(Split split, const std::vector<int64_t>& rows, const PassOptions& options,
                   ops::LogProbOptions wanted = {.entropy = true, .accuracy = true});
  // The mean over the vocabulary of each request's logits, [R], without gradient.
  Tensor mean_logits(const TreePass& pass);

 private:
  bool shares_prompts(bool training) const;

  models::Decoder& decoder_;
  TreeMethodOptions options_;
  std::vector<TreeRow> train_;
  std::vector<TreeRow> evaluation_;
};

}  // namespace attune::engine::train
