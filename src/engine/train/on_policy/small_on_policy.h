// Small on-policy runs in this process, with a reward that is a function of the answer, for the
// tests of this folder.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "engine/models/decoder.h"
#include "engine/train/on_policy/group_method.h"
#include "engine/train/on_policy/reward_sources.h"
#include "engine/train/rows/prompt_rows.h"
#include "text/tokenizer.h"
#include "weights/lora_config.h"

namespace attune::engine::train {

class FunctionReward : public RewardSource {
 public:
  using Function = std::function<double(const RewardRequest&)>;
  explicit FunctionReward(Function function) : function_(std::move(function)) {}
  Result<std::vector<double>> score(const std::vector<RewardRequest>& requests) override;

 private:
  Function function_;
};

// Rows of the byte tokenizer's prompts, numbered from 1.
std::vector<PromptRow> small_prompt_rows(const std::vector<std::string>& texts,
                                         const std::string& file);

// A weighted sum of this one alone.
std::unique_ptr<WeightedRewards> function_reward(FunctionReward::Function function);

// The share of an answer's ids that are even: one half by chance.
double even_share(const RewardRequest& request);

// The small decoder that all of these start from, the same one each time, and the adapter on it.
std::unique_ptr<models::Decoder> small_policy_decoder(bool trainable);
weights::LoraConfig small_lora();

// A policy (all weights, or an adapter), what it started from, and prompts.
struct SmallPolicy {
  explicit SmallPolicy(bool peft);

  std::unique_ptr<models::Decoder> decoder;
  std::unique_ptr<models::Decoder> start;  // of all weights
  std::vector<std::string> adapters;
  FrozenPolicy reference;
  std::vector<optim::NamedTensor> parameters;
  text::Tokenizer tokenizer;
  std::vector<int32_t> stop_ids;

  PromptData prompts() const;  // four to train on, two to evaluate

  // Trains with `config`; the lines of events.jsonl of one kind.
  std::vector<Json> train(Method& method, const Json& config, const std::string& kind = "step");

  TemporaryDirectory folder;
};

// Mean of a metric over lines [begin, end).
double mean_of(const std::vector<Json>& lines, size_t begin, size_t end, const std::string& name);

}  // namespace attune::engine::train
