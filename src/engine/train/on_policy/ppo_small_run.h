// Small PPO runs in this process, with a reward that is a function of the answer, for the tests of
// this folder.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/result.h"
#include "engine/models/decoder.h"
#include "engine/train/checkpoint_store.h"
#include "engine/train/on_policy/ppo_method.h"
#include "engine/train/trainer.h"

namespace attune::engine::train {

using RewardFunction = std::function<double(const RewardRequest&)>;

class SmallPpoRun {
 public:
  // `config` on top of: 3 steps of 4 prompts, answers of 8 tokens, one thread's plan, no files but
  // events. value_source is head, separate or adapter; use_peft makes the policy an adapter.
  SmallPpoRun(Json config, RewardFunction reward);
  ~SmallPpoRun();

  // A gold reward (gold_reward.h), before run().
  void judge_evaluations_by(RewardFunction gold);

  // Trains, from the newest checkpoint when `resume`.
  Result<TrainingOutcome> run(bool resume = false);
  std::vector<Json> events(const std::string& kind) const;
  const std::string& directory() const { return folder_; }
  PpoMethod& method() { return *method_; }  // of the last run
  // Every trained number, by name, after the last run.
  std::map<std::string, std::vector<float>> weights() const;

  // Of a run whose files another wrote: resumes there.
  void use_directory(const std::string& folder) { folder_ = folder; }
  // As one of several ranks; they share a directory.
  void use_ranks(comm::Communicator& ranks) { ranks_ = &ranks; }

 private:
  struct Models;
  PpoSetup make_setup();

  Json config_;
  TemporaryDirectory own_folder_;
  std::string folder_;
  comm::Communicator* ranks_ = nullptr;
  std::unique_ptr<RewardSource> reward_;
  std::unique_ptr<RewardSource> gold_;
  std::unique_ptr<Models> models_;
  std::unique_ptr<PpoMethod> method_;
  std::vector<optim::NamedTensor> parameters_;
};

}  // namespace attune::engine::train
