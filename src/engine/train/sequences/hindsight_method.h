// Chains of hindsight as a Method (arXiv 2302.02676; losses.md §13): negative log-likelihood of the
// answers' tokens, and of pretraining text beside it so that the model keeps its language:
//
//   loss = NLL(answers) + pretrain_weight * NLL(pretraining rows), each a mean over the trained
//   tokens of the whole step
//
// with forgetful causal masking in training. Packed sequences see nothing of each other.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/models/decoder.h"
#include "engine/ops/forgetful_mask.h"
#include "engine/train/method.h"
#include "engine/train/rows/sft_rows.h"
#include "engine/train/sequences/sequence_pass.h"

namespace attune::engine::train {

struct HindsightRows {
  std::vector<SftRow> train;        // chains
  std::vector<SftRow> evaluation;   // chains
  std::vector<SftRow> pretraining;  // may be empty
};

struct HindsightOptions {
  double pretrain_weight = 1.5;  // the paper's; its code had 1.0, later 0.01
  int64_t pretrain_rows = 0;     // of a step, from `pretraining` in a seeded order, again and again
  ops::ForgetfulShare forgetful = {};
  uint64_t data_seed = 42;
};

class HindsightMethod : public Method {
 public:
  // `adapters` is the stack that trains (empty: the base model). The decoder outlives the method.
  HindsightMethod(models::Decoder& decoder, std::vector<std::string> adapters,
                  HindsightOptions options, HindsightRows rows);

  int64_t row_count(Split split) const override;
  int64_t row_tokens(Split split, int64_t row) const override;
  int64_t row_units(Split split, int64_t row) const override;
  std::string row_name(Split split, int64_t row) const override;
  PassResult pass(Split split, const std::vector<int64_t>& rows,
                  const PassOptions& options) override;
  // Adds the step's pretraining rows, a pure function of the step: they have the indices behind
  // those of the training rows.
  Result<StepUpdates> begin_step(int64_t step, const std::vector<int64_t>& rows) override;
  std::string fingerprint() const override;

 private:
  bool is_pretraining(Split split, int64_t row) const;
  const SftRow& row_at(Split split, int64_t row) const;
  std::vector<int64_t> pretraining_rows_of(int64_t step) const;
  Tensor hidden_states(const models::PackedBatch& batch, const PassOptions& options);

  models::Decoder& decoder_;
  std::vector<std::string> adapters_;
  HindsightOptions options_;
  HindsightRows rows_;
  int64_t pretraining_units_ = 0;  // trained tokens of the step's pretraining rows
  // Of the last pass: a backward pass that computes activations again needs its masks.
  std::unique_ptr<models::AttentionContext> attention_;
};

}  // namespace attune::engine::train
