// KTO and BCO as a Method: single completions that people found desirable or not. Formulas:
// objectives/unpaired.h, losses.md §11. A preference counts as two of them.
//
// KTO's reference point z is a constant of the whole step: begin_step() estimates it from the
// step's mismatched pairs without gradients, so that passes add up to the uncut step. BCO's d is a
// running mean of all rewards seen in training; a step's rewards are added before its losses are
// computed, likewise without gradients, and d is part of every checkpoint. Not thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/objectives/unpaired.h"
#include "engine/train/preferences/reference_log_probs.h"
#include "engine/train/preferences/tree_method.h"
#include "engine/train/rows/mismatched_pairs.h"

namespace attune::engine::train {

struct UnpairedSetup {
  bool bco = false;  // else `loss` of KTO's trainer
  objectives::UnpairedOptions loss;
  MismatchOptions mismatched;
  int64_t max_tokens = 2048;  // of the passes without gradients

  // Whether the loss has a reference point.
  bool needs_mismatched() const {
    return !bco && loss.loss == objectives::UnpairedLoss::kKto;
  }
};

// The options of `recipe`: "kto" or "bco". Errors name the option.
Result<UnpairedSetup> read_unpaired_setup(const std::string& recipe, const Json& config);

// Rows of single completions: each preference as its two.
std::vector<TreeRow> unpaired_rows(std::vector<TreeRow> rows);

// What the reference says of the mismatched pairs of every step: pairs of step s have the indices
// from first[s] on.
struct MismatchedReference {
  ReferenceLogProbs log_probs;
  std::vector<int64_t> first;  // [steps + 1]
};

class UnpairedMethod : public TreeMethod {
 public:
  UnpairedMethod(models::Decoder& decoder, TreeMethodOptions options, UnpairedSetup setup,
                 std::vector<TreeRow> train, std::vector<TreeRow> evaluation);

  void set_reference(ReferenceLogProbs train, std::optional<ReferenceLogProbs> evaluation);
  // Of all training steps; and of the evaluation as one step. Where needs_mismatched().
  void set_mismatched(MismatchedReference train, std::optional<MismatchedReference> evaluation);
  std::vector<models::TokenTree> mismatched(Split split, const std::vector<int64_t>& rows,
                                            int64_t step) const;

  int64_t row_units(Split, int64_t) const override { return 1; }
  const char* unit_name() const override { return "completions"; }
  Result<StepUpdates> begin_step(int64_t step, const std::vector<int64_t>& rows) override;
  PassResult pass(Split split, const std::vector<int64_t>& rows,
                  const PassOptions& options) override;
  Json state() const override;
  Status load_state(const Json& state) override;

 private:
  // What is known of a whole step (or of all evaluation rows) before its passes.
  struct WholeStep {
    double z = 0;
    double desirable = 0, undesirable = 0;  // completions
  };
  WholeStep whole_step(Split split, const std::vector<int64_t>& rows, int64_t step);
  const WholeStep& known(Split split);
  double reference_point(Split split, const std::vector<int64_t>& rows, int64_t step);
  void add_rewards(const std::vector<int64_t>& rows);
  Tensor reference_of(Split split, const std::vector<int64_t>& rows) const;
  Tensor labels_of(Split split, const std::vector<int64_t>& rows) const;
  void add_metrics(const WholeStep& whole, const TreePass& pass, const Tensor& reference,
                   const Tensor& desirable, PassResult* result);

  std::vector<std::string> stack_;  // of adapters that train
  UnpairedSetup setup_;
  std::optional<ReferenceLogProbs> train_reference_, evaluation_reference_;
  std::optional<MismatchedReference> train_mismatched_, evaluation_mismatched_;
  objectives::RunningReward running_;  // BCO's d
  WholeStep train_step_;
  std::optional<WholeStep> evaluation_step_;  // until the weights change
};

}  // namespace attune::engine::train
