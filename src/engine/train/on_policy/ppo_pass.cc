// The loss of a PPO update (ppo_method.h).
#include "engine/train/on_policy/ppo_method.h"

#include <ATen/ops/full.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tensor.h>

#include "engine/models/score_head.h"
#include "engine/objectives/ppo.h"
#include "engine/ops/linear_log_probs.h"

namespace attune::engine::train {
namespace {

double sum_of(const Tensor& values) { return at::sum(values).item<double>(); }

}  // namespace

PassResult PpoMethod::pass(Split split, const std::vector<int64_t>& rows,
                           const PassOptions& options) {
  CHECK(split == Split::kRollout, "PPO learns from rollouts");
  std::vector<int64_t> trees, pretraining;
  for (int64_t row : rows) (is_rollout(row) ? trees : pretraining).push_back(row);
  PassResult result;
  if (!trees.empty()) add_ppo_loss(trees, options, &result);
  if (!pretraining.empty()) add_ptx_loss(pretraining, options, &result);
  return result;
}

void PpoMethod::add_ppo_loss(const std::vector<int64_t>& rows, const PassOptions& options,
                             PassResult* result) {
  const PpoOptions& ppo = setup_.options;
  const PpoRoles& roles = setup_.roles;
  const models::TreeBatchOptions shape{.scores = true};
  models::TreeBatch pass(shape);
  std::vector<const models::TokenTree*> trees;
  for (int64_t row : rows) {
    trees.push_back(&rollouts_[static_cast<size_t>(row)].tree);
    pass.add(*trees.back());
  }
  const std::vector<Tensor> hidden = hidden_of({roles.policy, roles.value}, trees, pass, shape,
                                               {.adapters = {}, .recompute = options.recompute});
  const PpoBatch::Part part = batch_.part(rows, pass);
  const models::BranchLogProbs got = models::branch_log_probs_of(
      *roles.policy.decoder, pass, hidden[0],
      {.temperature = ppo.rollout.temperature, .entropy = true, .chunk_rows = options.chunk_rows});
  const objectives::PolicyTerms policy = objectives::policy_terms(
      got.tokens, part.old_log_probs, part.advantages, ppo.clip_range, ppo.clip_range);
  const objectives::ValueTerms value = objectives::value_terms(
      models::scores_at(hidden[1], part.value_rows, roles.value_head), part.old_values,
      part.returns, ppo.clip_range_value);
  const double positions = counts_[ratios_.size()].positions;
  result->loss = at::sum(policy.loss) / options.normaliser +
                 at::sum(value.loss) * (ppo.value_weight / positions);
  result->sums["loss/policy_avg"] = sum_of(policy.loss);
  result->sums["policy/approxkl_avg"] = sum_of(policy.approx_kl);
  result->sums["policy/clipfrac_avg"] = sum_of(policy.clipped);
  result->sums["policy/entropy_avg"] = sum_of(*got.entropy);
  result->sums["val/ratio"] = sum_of(policy.ratio);
  const auto here = static_cast<double>(part.value_rows.size());
  result->means["loss/value_avg"] = {sum_of(value.loss), here};
  result->means["val/clipfrac_avg"] = {sum_of(value.clipped), here};
}

void PpoMethod::add_ptx_loss(const std::vector<int64_t>& rows, const PassOptions& options,
                             PassResult* result) {
  models::PackedBatch batch;
  std::vector<int64_t> predicting, targets;
  for (int64_t row : rows) {
    for (const TokenSequence& sequence : pretraining_row(row).sequences) {
      const int64_t begin = batch.layout.tokens();
      batch.add_root(sequence.ids);
      for (size_t t = 1; t < sequence.ids.size(); ++t) {
        if (sequence.trained[t] == 0) continue;
        predicting.push_back(begin + static_cast<int64_t>(t) - 1);
        targets.push_back(sequence.ids[t]);
      }
    }
  }
  models::Decoder& decoder = *setup_.roles.policy.decoder;
  const Tensor hidden =
      decoder.forward(batch, {.adapters = {.stack = setup_.roles.policy.stack, .rows = {}},
                              .recompute = options.recompute,
                              .rows = predicting});
  const double tokens = counts_[ratios_.size()].pretraining_tokens;
  const Tensor weights = at::full({static_cast<int64_t>(targets.size())},
                                  setup_.options.ptx_weight / tokens, at::kFloat);
  const ops::WeightedNll scored =
      ops::linear_nll(hidden, decoder.head_weight(), decoder.head_bias(), at::tensor(predicting),
                      at::tensor(targets), weights, {.chunk_rows = options.chunk_rows});
  result->loss = result->loss.defined() ? result->loss + scored.loss : scored.loss;
  result->means["loss/ptx_avg"] = {-sum_of(scored.log_probs), static_cast<double>(targets.size())};
}

}  // namespace attune::engine::train
