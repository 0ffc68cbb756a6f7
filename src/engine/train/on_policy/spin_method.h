// SPIN, self-play fine-tuning (arXiv 2401.01335): the chosen side is a row's own completion, the
// rejected one an answer of the previous iterate, which is also the reference:
//
//   L = log(1 + exp(-beta [(log p - log prev)(row's completion) - (log p - log prev)(own answer)]))
//
// A run has several iterates of as many steps each. At the first step of an iterate the policy as
// it is becomes the previous iterate: its weights are copied, are part of every checkpoint, and
// iterates.json of the run directory records their hash. Answers are sampled for each step's rows
// when they are needed, which draws from the same distribution as answering all rows beforehand.
//
// An answer that equals the row's completion teaches nothing: it is left out and counted.
#pragma once

#include <string>
#include <vector>

#include "engine/train/on_policy/sampled_pairs.h"
#include "engine/train/rows/prompt_rows.h"
#include "engine/train/rows/tree_data.h"
#include "text/tokenizer.h"

namespace attune::engine::train {

struct SpinSetup {
  PairLossOptions loss;
  RolloutOptions rollout;  // of the previous iterate: one sample, its adapters are its stack
  FrozenPolicy previous;
  std::vector<optim::NamedTensor> policy_tensors;    // what trains, and ...
  std::vector<optim::NamedTensor> previous_tensors;  // ... its copy, in the same order
  int64_t steps_per_iterate = 1;
  std::string run_directory;  // for iterates.json
};

class SpinMethod : public SampledPairMethod {
 public:
  // All that is referred to outlives the method. Rows have one branch each.
  SpinMethod(models::Decoder& decoder, const text::Tokenizer& tokenizer, SpinSetup setup,
             TreeData rows);

  int64_t row_count(Split split) const override;
  int64_t row_tokens(Split split, int64_t row) const override;
  std::string row_name(Split split, int64_t row) const override;
  std::string fingerprint() const override;
  Result<StepUpdates> begin_step(int64_t step, const std::vector<int64_t>& rows) override;
  Status end_step(std::map<std::string, double>* metrics) override;
  Result<std::optional<std::map<std::string, double>>> evaluate() override;

  Json state() const override;
  Status load_state(const Json& state) override;
  std::vector<optim::NamedTensor> state_tensors() override { return setup_.previous_tensors; }

 private:
  Status begin_iterate(int64_t iterate, int64_t step);
  Result<std::vector<SampledPair>> make_pairs(const std::vector<TreeRow>& rows,
                                              const std::vector<PromptRow>& prompts,
                                              const std::vector<int64_t>& chosen, int64_t step);

  const text::Tokenizer& tokenizer_;
  SpinSetup setup_;
  TreeData rows_;
  std::vector<PromptRow> train_prompts_;
  std::vector<PromptRow> evaluation_prompts_;
  int64_t iterate_ = -1;  // the one in work; -1: none has begun
};

}  // namespace attune::engine::train
