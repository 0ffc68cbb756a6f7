// Online DPO (arXiv 2402.04792): two samples of the policy for each prompt of a step, judged; the
// better one is chosen. Names and metrics are those of TRL's OnlineDPOTrainer.
//
// Two answers that are the same or have the same reward teach nothing: they are left out and
// counted as frac_ties (TRL takes the first for the better one).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/train/on_policy/reward_sources.h"
#include "engine/train/on_policy/sampled_pairs.h"
#include "engine/train/rows/prompt_rows.h"

namespace attune::engine::train {

struct OnlineDpoSetup {
  PairLossOptions loss;
  RolloutOptions rollout;                     // two samples
  std::vector<double> betas = {0.1};          // by epoch; the last one stays
  int64_t steps_per_epoch = 1;
  std::optional<double> missing_eos_penalty;  // subtracted from the reward of an answer without end
  std::optional<double> kl_limit;             // nats a token (k1): a mean above it ends the run
  FrozenPolicy reference;
  RewardSource* gold = nullptr;  // judges evaluations (gold_reward.h); outlives the method
};

class OnlineDpoMethod : public SampledPairMethod {
 public:
  // All that is referred to outlives the method.
  OnlineDpoMethod(models::Decoder& decoder, const text::Tokenizer& tokenizer,
                  WeightedRewards& rewards, OnlineDpoSetup setup, PromptData prompts);

  int64_t row_count(Split split) const override;
  int64_t row_tokens(Split split, int64_t row) const override;
  std::string row_name(Split split, int64_t row) const override;
  std::string fingerprint() const override;
  Result<StepUpdates> begin_step(int64_t step, const std::vector<int64_t>& rows) override;
  Result<std::optional<std::map<std::string, double>>> evaluate() override;

  double beta_of(int64_t step) const;

 private:
  Result<Answers> answer(const std::vector<PromptRow>& prompts, const std::vector<int64_t>& rows,
                         int64_t step);
  Result<SampleValues> reference_log_probs(const std::vector<Rollout>& rollouts) const;
  void add_metrics(const std::vector<Rollout>& rollouts, const SampleValues& sampled,
                   const SampleValues& reference, std::map<std::string, double>* metrics) const;

  const text::Tokenizer& tokenizer_;
  WeightedRewards& rewards_;
  OnlineDpoSetup setup_;
  PromptData prompts_;
};

}  // namespace attune::engine::train
