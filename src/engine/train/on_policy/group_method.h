// RLOO, GRPO (with DAPO, Dr. GRPO, BNPO, CISPO, GSPO) and REINFORCE++ as one Method: n samples of
// the policy for each prompt of a step, judged, then one or several updates on them. What differs
// is in GroupSettings (group_batch.h); formulas are in objectives/policy_gradient.h.
//
// A prompt and its n samples are one tree: the prompt is computed once. Rows of Split::kRollout are
// these trees. Adapters train without dropout, so that the first update's ratio is 1.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/models/decoder.h"
#include "engine/train/method.h"
#include "engine/train/on_policy/group_batch.h"
#include "engine/train/on_policy/reward_sources.h"
#include "engine/train/on_policy/rollout_ranks.h"
#include "engine/train/rows/prompt_rows.h"
#include "text/tokenizer.h"

namespace attune::engine::train {

// Weights that stay, as a decoder and a stack of it.
struct FrozenPolicy {
  models::Decoder* decoder = nullptr;
  std::vector<std::string> stack;
};

struct GroupSetup {
  GroupSettings settings;
  RolloutOptions rollout;          // of training; its adapters are the stack that trains
  int64_t evaluation_samples = 1;  // num_generations_eval
  int64_t iterations = 1;          // num_iterations: passes over the rollouts of a step
  std::optional<FrozenPolicy> reference;  // needed with beta or gold
  RewardSource* gold = nullptr;           // judges evaluations (gold_reward.h); outlives the method
  // Nats a token (k1): a mean above it ends the run. Measured where a reference is held.
  std::optional<double> kl_limit;
  int64_t max_tokens_per_batch = 2048;    // of a pass without gradient
};

class GroupMethod : public Method {
 public:
  // All that is referred to outlives the method.
  GroupMethod(models::Decoder& decoder, const text::Tokenizer& tokenizer, WeightedRewards& rewards,
              GroupSetup setup, PromptData prompts);

  int64_t row_count(Split split) const override;
  int64_t row_tokens(Split split, int64_t row) const override;
  int64_t row_units(Split split, int64_t row) const override;
  std::string row_name(Split split, int64_t row) const override;
  std::string fingerprint() const override;

  void join(comm::Communicator& ranks) override { ranks_ = &ranks; }
  Result<StepUpdates> begin_step(int64_t step, const std::vector<int64_t>& rows) override;
  // The part of begin_step() behind sampling and judging: the updates on these answers. `metrics`
  // go into the step's.
  Result<StepUpdates> learn_from(int64_t step, std::vector<Rollout> rollouts,
                                 std::map<std::string, double> metrics);
  PassResult pass(Split split, const std::vector<int64_t>& rows,
                  const PassOptions& options) override;
  Status end_step(std::map<std::string, double>* metrics) override;
  Result<std::optional<std::map<std::string, double>>> evaluate() override;

 private:
  RolloutForward forward_of(const std::vector<std::string>& stack) const;
  Result<SampleValues> reference_log_probs(const std::vector<Rollout>& rollouts) const;
  objectives::PolicyLosses losses(const std::vector<int64_t>& samples, const Tensor& log_probs,
                                  const objectives::Spans& spans) const;
  Tensor token_losses(const std::vector<int64_t>& samples, const Tensor& log_probs,
                      objectives::PolicyLosses* out) const;
  void add_pass_metrics(const objectives::PolicyLosses& losses, const objectives::Spans& spans,
                        const Tensor& trained, PassResult* result);
  void warn_without_signal(int64_t step, const std::map<std::string, double>& metrics);

  models::Decoder& decoder_;
  const text::Tokenizer& tokenizer_;
  WeightedRewards& rewards_;
  GroupSetup setup_;
  PromptData prompts_;
  comm::Communicator* ranks_ = nullptr;  // null: one process

  // Of the step in work.
  std::vector<Rollout> rollouts_;
  GroupBatch batch_;
  double lowest_clipped_ = 0;   // clip_ratio/low_min, of this rank's passes
  double highest_clipped_ = 0;  // clip_ratio/high_max
  bool warned_ = false;
};

}  // namespace attune::engine::train
