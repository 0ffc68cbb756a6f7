// The rewards that a run is configured with (reward_source.h): reward models, programs of the
// user's, and their weighted sum.
//
//   reward_model_path   folders of reward models; their stored normalisation applies
//   reward_command      programs (docs/formats/reward-command.md); reward_timeout_ms
//   reward_weights      one number for each, models first; default 1
//   gold_reward_model, gold_reward_command   what stands for the truth in evaluations
//
// Not thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/models/reward_model.h"
#include "engine/train/on_policy/reward_source.h"
#include "protocol/reward_command.h"
#include "text/tokenizer.h"

namespace attune::engine::train {

// A reward model reads the policy's own ids where both have one vocabulary, each prompt once for
// its answers. Otherwise it reads texts: prompt and answer are tokenised again by its tokenizer and
// chat template, with its end of sequence behind answers that ended.
class ModelReward : public RewardSource {
 public:
  // `policy` is the tokenizer that the answers' ids are of.
  ModelReward(models::RewardModel model, const text::Tokenizer& policy);

  Result<std::vector<double>> score(const std::vector<RewardRequest>& requests) override;

  bool reads_ids() const { return reads_ids_; }

 private:
  Result<models::TokenTree> tree_of_texts(const std::vector<const RewardRequest*>& answers) const;

  models::RewardModel model_;
  bool reads_ids_;
};

class CommandReward : public RewardSource {
 public:
  CommandReward(const std::string& command, int timeout_ms) : command_(command, timeout_ms) {}

  Result<std::vector<double>> score(const std::vector<RewardRequest>& requests) override;

 private:
  protocol::RewardCommand command_;
};

// The weighted sum of several, with the totals of each.
class WeightedRewards : public RewardSource {
 public:
  struct Part {
    std::string name;
    double weight = 1;
    std::unique_ptr<RewardSource> source;
  };
  explicit WeightedRewards(std::vector<Part> parts) : parts_(std::move(parts)) {}

  // A part that fails, or whose value is no number, is an error that names it; kUnavailable, so
  // that the run keeps what it has learnt (trainer.h).
  Result<std::vector<double>> score(const std::vector<RewardRequest>& requests) override;

  std::map<std::string, RewardTotals> totals() const override { return totals_; }

 private:
  std::vector<Part> parts_;
  std::map<std::string, RewardTotals> totals_;
};

// Where reward models are put: on `device` in fp32, but for adapters of the trunk's own base, which
// stand on the trunk in its precision.
struct RewardHost {
  at::Device device = at::kCPU;
  models::Decoder* trunk = nullptr;  // whose weights stay as they are; null: there is none
  std::string base = {};             // folder of the trunk's weights
  // Folder of the base by that of the adapter, as the command found it (a hub's model has another
  // name in the adapter's own file).
  std::map<std::string, std::string> bases = {};
};

// Where the files of a reward model are. Errors: those of weights::model_place.
Result<weights::ModelPlace> reward_model_place(const RewardHost& host, const std::string& path);

// What `config` names. Errors: none is named, another number of weights, a folder that is no reward
// model.
Result<std::unique_ptr<WeightedRewards>> open_rewards(const Json& config,
                                                      const text::Tokenizer& policy,
                                                      const RewardHost& host = {});

// The gold rewards, added up; nothing where none is named (gold_reward.h).
Result<std::unique_ptr<WeightedRewards>> open_gold_rewards(const Json& config,
                                                           const text::Tokenizer& policy,
                                                           const RewardHost& host = {});

}  // namespace attune::engine::train
