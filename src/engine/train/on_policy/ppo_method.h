// PPO as a Method (arXiv 1707.06347, 1909.08593, 2203.02155; losses.md §7): a step answers its
// prompts, scores the answers, and learns from them in num_ppo_epochs x num_mini_batches updates.
//
//   loss of an update = mean over its tokens of the clipped policy loss
//                     + vf_coef * mean over its positions of the clipped value loss
//                     + ptx_coefficient * mean negative log-likelihood of pretraining tokens
//
// A row of Split::kRollout is a prompt with its samples; rows behind those are pretraining rows
// that the update has beside them. Dropout is off (losses.md §2.5).
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "engine/train/method.h"
#include "engine/train/on_policy/ppo_batch.h"
#include "engine/train/on_policy/ppo_options.h"
#include "engine/train/on_policy/ppo_roles.h"
#include "engine/train/on_policy/reward_source.h"
#include "engine/train/on_policy/rollout_ranks.h"
#include "engine/train/rows/prompt_rows.h"
#include "engine/train/rows/sft_rows.h"

namespace attune::engine::train {

// Answers of the policy as it is now to a share of the rows: make_rollouts(), or frozen ones in
// tests.
using RolloutFunction = std::function<Result<std::vector<Rollout>>(
    const std::vector<PromptRow>& prompts, const std::vector<int64_t>& rows, int64_t step,
    const RowShare& share)>;

struct PpoSetup {
  PpoOptions options;
  PpoRoles roles;
  RolloutFunction answer;
  RewardSource* reward = nullptr;  // outlives the method
  RewardSource* gold = nullptr;    // likewise; judges evaluations (gold_reward.h), or nothing
  std::vector<PromptRow> train;
  std::vector<PromptRow> evaluation;
  std::vector<SftRow> pretraining;                   // rows of ptx_coefficient
  std::vector<optim::NamedTensor> policy_parameters;  // what trains of the policy (for ema)
  // Writes the value model beside final/; empty: it is not kept.
  std::function<Status(const std::string& run_directory)> save_value;
};

// Where values are those of a head on the policy's states (value_source head) and log-probs are
// taken as captured (recompute_log_probs false), lets sampling capture the values too, so that no
// pass of the policy follows it. Before `answer` is made, which takes setup->options.rollout.
void capture_values(PpoSetup* setup);

class PpoMethod : public Method {
 public:
  explicit PpoMethod(PpoSetup setup);

  int64_t row_count(Split split) const override;
  int64_t row_tokens(Split split, int64_t row) const override;
  int64_t row_units(Split split, int64_t row) const override;
  std::string row_name(Split split, int64_t row) const override;
  PassResult pass(Split split, const std::vector<int64_t>& rows,
                  const PassOptions& options) override;
  void join(comm::Communicator& ranks) override { ranks_ = &ranks; }
  Result<StepUpdates> begin_step(int64_t step, const std::vector<int64_t>& rows) override;
  bool after_update(const std::map<std::string, double>& metrics) override;
  Status end_step(std::map<std::string, double>* metrics) override;
  Result<std::optional<std::map<std::string, double>>> evaluate() override;
  std::string fingerprint() const override;
  Json state() const override;
  Status load_state(const Json& state) override;
  std::vector<optim::NamedTensor> parameters() override { return setup_.roles.value_parameters; }
  std::vector<optim::NamedTensor> state_tensors() override { return averaged_; }
  Status finish(const std::string& run_directory) override;

  const PpoBatch& batch() const { return batch_; }  // of the step in work

 private:
  struct Answered {
    std::vector<Rollout> rollouts;
    SampleValues old_log_probs;
    Measured measured;
    std::map<std::string, double> metrics;
  };
  Result<Answered> answer(Split split, const std::vector<int64_t>& rows, int64_t step);
  Result<Measured> measure_all(Split split, const std::vector<Rollout>& rollouts);
  Status check(const Answered& answered) const;
  StepUpdates plan_updates(int64_t step);
  void add_pretraining(Random& random, std::vector<int64_t>& update);
  bool is_rollout(int64_t row) const { return row < static_cast<int64_t>(rollouts_.size()); }
  const SftRow& pretraining_row(int64_t row) const;
  void add_ppo_loss(const std::vector<int64_t>& rows, const PassOptions& options,
                    PassResult* result);
  void add_ptx_loss(const std::vector<int64_t>& rows, const PassOptions& options,
                    PassResult* result);

  // What the means of an update are divided by, besides its tokens.
  struct Counts {
    double positions = 0;
    double pretraining_tokens = 0;
  };

  PpoSetup setup_;
  comm::Communicator* ranks_ = nullptr;  // null: one process
  objectives::KlController controller_;
  int64_t episodes_ = 0;
  // Of this process, for eps: what a resumed run did before is not in it.
  std::optional<std::chrono::steady_clock::time_point> began_;
  double episodes_here_ = 0;
  // Of the step in work.
  std::vector<Rollout> rollouts_;
  PpoBatch batch_;
  std::vector<int64_t> pretraining_;  // rows behind the rollouts: of setup_.pretraining
  std::vector<Counts> counts_;        // by update
  std::vector<double> ratios_;        // val/ratio by update done
  std::vector<optim::NamedTensor> averaged_;  // "ema." before the policy's names
};

}  // namespace attune::engine::train
