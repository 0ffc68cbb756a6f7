#include "engine/train/on_policy/sampled_pairs.h"

#include <ATen/ops/tensor.h>

#include <numeric>

#include "base/check.h"

namespace attune::engine::train {
namespace {

double sum_of(const std::vector<float>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

Mean mean_of(const Tensor& values) {
  return {values.detach().sum().item<double>(), static_cast<double>(values.numel())};
}

}  // namespace

int64_t SampledPairMethod::row_units(Split split, int64_t row) const {
  CHECK(split == Split::kRollout && row < pair_count(), "only sampled pairs are trained on");
  return 1;
}

Status SampledPairMethod::add_reference(const FrozenPolicy& reference,
                                        std::vector<SampledPair>* pairs) const {
  std::vector<Rollout> sides;
  for (const SampledPair& one : *pairs) sides.push_back(one.sides);
  RolloutForward forward;
  forward.adapters.stack = reference.stack;
  forward.temperature = options_.temperature;
  forward.max_tokens_per_batch = options_.max_tokens_per_batch;
  const SampleValues values =
      TRY(log_probs_together(ranks_, *reference.decoder, sides, forward));
  for (size_t i = 0; i < pairs->size(); ++i) {
    (*pairs)[i].reference_chosen = sum_of(values[2 * i]);
    (*pairs)[i].reference_rejected = sum_of(values[2 * i + 1]);
  }
  return {};
}

StepUpdates SampledPairMethod::learn_from(std::vector<SampledPair> pairs) {
  pairs_ = std::move(pairs);
  StepUpdates updates;
  updates.split = Split::kRollout;
  if (pairs_.empty()) return updates;
  std::vector<int64_t> rows(pairs_.size());
  std::iota(rows.begin(), rows.end(), 0);
  updates.rows.push_back(std::move(rows));
  return updates;
}

PassResult SampledPairMethod::pass(Split split, const std::vector<int64_t>& rows,
                                   const PassOptions& options) {
  CHECK(split == Split::kRollout, "only sampled pairs are trained on");
  models::TreeBatch batch;
  std::vector<int64_t> chosen;
  std::vector<int64_t> rejected;
  std::vector<float> reference_chosen;
  std::vector<float> reference_rejected;
  for (int64_t row : rows) {
    chosen.push_back(batch.branches());
    rejected.push_back(batch.branches() + 1);
    batch.add(pair(row).sides.tree);
    reference_chosen.push_back(static_cast<float>(pair(row).reference_chosen));
    reference_rejected.push_back(static_cast<float>(pair(row).reference_rejected));
  }
  models::ForwardOptions forward;
  forward.adapters.stack = options_.adapters;
  forward.recompute = options.recompute;
  ops::LogProbOptions wanted;
  wanted.temperature = options_.temperature;
  wanted.entropy = true;
  wanted.chunk_rows = options.chunk_rows;
  const models::BranchLogProbs got = models::branch_log_probs(decoder_, batch, forward, wanted);
  const Tensor counts = at::tensor(batch.counts, at::kLong);
  const auto side = [&](const std::vector<int64_t>& branches, const std::vector<float>& reference) {
    objectives::SideLogProbs log_probs;
    const Tensor at_branches = at::tensor(branches, at::kLong);
    log_probs.policy = got.sums.index_select(0, at_branches);
    log_probs.reference = at::tensor(reference, at::kFloat);
    log_probs.tokens = counts.index_select(0, at_branches);
    return log_probs;
  };
  objectives::PreferencePairs pairs;
  pairs.chosen = side(chosen, reference_chosen);
  pairs.rejected = side(rejected, reference_rejected);
  PassResult result;
  result.loss = objectives::preference_losses(pairs, options_.loss).sum() / options.normaliser;
  const objectives::PairRewards rewards = objectives::preference_rewards(pairs, options_.loss);
  result.means["rewards/chosen"] = mean_of(rewards.chosen);
  result.means["rewards/rejected"] = mean_of(rewards.rejected);
  result.means["rewards/accuracies"] = mean_of(rewards.accuracy);
  result.means["rewards/margins"] = mean_of(rewards.margin);
  result.means["logps/chosen"] = mean_of(pairs.chosen.policy);
  result.means["logps/rejected"] = mean_of(pairs.rejected.policy);
  result.means["entropy"] = mean_of(*got.entropy);
  return result;
}

}  // namespace attune::engine::train
