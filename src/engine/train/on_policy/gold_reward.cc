#include "engine/train/on_policy/gold_reward.h"

#include <cmath>

#include "engine/train/on_policy/rollout_ranks.h"

namespace attune::engine::train {
namespace {

// KL of a sample: the sum over its tokens.
double log_ratio(const std::vector<float>& policy, const std::vector<float>& reference) {
  double sum = 0;
  for (size_t t = 0; t < policy.size(); ++t) {
    sum += static_cast<double>(policy[t]) - static_cast<double>(reference[t]);
  }
  return sum;
}

RewardTotals scores_of(const std::vector<Rollout>& rollouts) {
  RewardTotals totals;
  for (const Rollout& rollout : rollouts) {
    for (const RolloutSample& sample : rollout.samples) totals.add(sample.score);
  }
  return totals;
}

double standard_error_of(const RewardTotals& of) { return std::sqrt(of.variance() / of.count); }

}  // namespace

Result<std::unique_ptr<WeightedRewards>> open_gold(const Json& config, const TrainingRun& run,
                                                   const RewardHost& host,
                                                   size_t evaluation_rows) {
  const EvaluationOptions& evaluation = run.options().evaluation;
  const bool evaluates = evaluation.when != When::kNever || evaluation.on_start;
  for (const char* name : {"gold_reward_model", "gold_reward_command"}) {
    if (find(config, name) == nullptr || (evaluates && evaluation_rows > 0)) continue;
    return invalid_input(
        "{}: judges the answers of evaluations, and this run has none; set eval_strategy and "
        "eval_dataset_name (or eval_fraction), or leave it out",
        name);
  }
  return open_gold_rewards(config, run.text().tokenizer, host);
}

Status add_gold_metrics(comm::Communicator* ranks, RewardSource& gold,
                        const std::vector<PromptRow>& prompts, const std::vector<Rollout>& rollouts,
                        const SampleValues& sampled, const SampleValues& reference,
                        std::map<std::string, double>* metrics) {
  const auto answered = [&](const RowShare& share) -> Result<std::vector<Rollout>> {
    std::vector<Rollout> own;
    for (size_t i = 0; i < rollouts.size(); ++i) {
      if (share.has(i)) own.push_back(rollouts[i]);
    }
    return own;
  };
  const auto judged = answer_together(ranks, prompts, answered, &gold);
  if (!judged.ok()) return judged.error().with_context("gold reward");
  const RewardTotals proxy = scores_of(rollouts);
  const RewardTotals truth = scores_of(judged->rollouts);
  double kl = 0;
  for (size_t i = 0; i < sampled.size(); ++i) kl += log_ratio(sampled[i], reference[i]);
  (*metrics)["gold/scores"] = truth.mean();
  (*metrics)["gold/scores_error"] = standard_error_of(truth);
  (*metrics)["gold/proxy"] = proxy.mean();
  (*metrics)["gold/kl"] = kl / static_cast<double>(sampled.size());
  return {};
}

}  // namespace attune::engine::train
