#include "engine/train/on_policy/online_dpo_method.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/check.h"
#include "base/log.h"
#include "engine/train/on_policy/gold_reward.h"

namespace attune::engine::train {
namespace {

// Rollouts of evaluations are always the same draw.
constexpr int64_t kEvaluationStep = std::numeric_limits<int64_t>::max();

std::string name_of(const PromptRow& prompt) {
  return fmt::format("{} row {}", prompt.name.file, prompt.name.number);
}

bool teaches(const Rollout& rollout) {
  return rollout.samples[0].score != rollout.samples[1].score &&
         rollout.tree.branches[0].ids != rollout.tree.branches[1].ids;
}

double sum_of(const std::vector<float>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

// The better answer first; `reference` has the two answers' log-probs.
SampledPair ordered(const Rollout& rollout, const std::string& name,
                    const std::vector<float>& first, const std::vector<float>& second) {
  SampledPair pair{rollout, name, sum_of(first), sum_of(second)};
  if (rollout.samples[0].score < rollout.samples[1].score) {
    std::swap(pair.sides.samples[0], pair.sides.samples[1]);
    std::swap(pair.sides.tree.branches[0], pair.sides.tree.branches[1]);
    std::swap(pair.reference_chosen, pair.reference_rejected);
  }
  return pair;
}

}  // namespace

OnlineDpoMethod::OnlineDpoMethod(models::Decoder& decoder, const text::Tokenizer& tokenizer,
                                 WeightedRewards& rewards, OnlineDpoSetup setup, PromptData prompts)
    : SampledPairMethod(decoder, setup.loss),
      tokenizer_(tokenizer),
      rewards_(rewards),
      setup_(std::move(setup)),
      prompts_(std::move(prompts)) {
  CHECK(setup_.rollout.samples == 2 && !setup_.betas.empty());
}

int64_t OnlineDpoMethod::row_count(Split split) const {
  if (split == Split::kRollout) return pair_count();
  return static_cast<int64_t>(
      (split == Split::kTrain ? prompts_.train : prompts_.evaluation).size());
}

int64_t OnlineDpoMethod::row_tokens(Split split, int64_t row) const {
  if (split == Split::kRollout) return pair(row).sides.tree.tokens();
  const auto& prompts = split == Split::kTrain ? prompts_.train : prompts_.evaluation;
  return prompts[static_cast<size_t>(row)].tokens() + 2 * setup_.rollout.response_length;
}

std::string OnlineDpoMethod::row_name(Split split, int64_t row) const {
  if (split == Split::kRollout) return pair(row).name + " (its sampled answers)";
  const auto& prompts = split == Split::kTrain ? prompts_.train : prompts_.evaluation;
  return name_of(prompts[static_cast<size_t>(row)]);
}

std::string OnlineDpoMethod::fingerprint() const {
  return fingerprint_of(prompts_.train, prompts_.evaluation);
}

double OnlineDpoMethod::beta_of(int64_t step) const {
  const auto epoch = static_cast<size_t>(step / setup_.steps_per_epoch);
  return setup_.betas[std::min(epoch, setup_.betas.size() - 1)];
}

Result<Answers> OnlineDpoMethod::answer(const std::vector<PromptRow>& prompts,
                                        const std::vector<int64_t>& rows, int64_t step) {
  const auto sample = [&](const RowShare& share) {
    return make_rollouts(decoder(), tokenizer_, prompts, rows, step, setup_.rollout, share);
  };
  Answers answers = TRY(answer_together(ranks(), prompts, sample, &rewards_));
  if (!setup_.missing_eos_penalty) return answers;
  for (Rollout& rollout : answers.rollouts) {
    for (RolloutSample& answered : rollout.samples) {
      if (!answered.ended) answered.score -= *setup_.missing_eos_penalty;
    }
  }
  return answers;
}

Result<StepUpdates> OnlineDpoMethod::begin_step(int64_t step, const std::vector<int64_t>& rows) {
  Answers answers = TRY(answer(prompts_.train, rows, step));
  const std::vector<Rollout>& rollouts = answers.rollouts;
  options().loss.beta = beta_of(step);
  const SampleValues reference = TRY(reference_log_probs(rollouts));
  std::vector<SampledPair> pairs;
  for (size_t i = 0; i < rollouts.size(); ++i) {
    if (!teaches(rollouts[i])) continue;
    const PromptRow& prompt = prompts_.train[static_cast<size_t>(rollouts[i].row)];
    pairs.push_back(
        ordered(rollouts[i], name_of(prompt), reference[2 * i], reference[2 * i + 1]));
  }
  const double share = static_cast<double>(pairs.size()) / static_cast<double>(rollouts.size());
  if (pairs.empty()) {
    log_warning(
        "step {}: the two answers to each of its {} prompts are the same or have the same reward: "
        "nothing is learnt from it. Raise temperature or max_new_tokens, take more prompts a step, "
        "or use a reward that tells answers apart",
        step + 1, rows.size());
  }
  StepUpdates updates = learn_from(std::move(pairs));
  updates.metrics = std::move(answers.metrics);
  add_metrics(rollouts, captured_log_probs(rollouts), reference, &updates.metrics);
  updates.metrics["frac_ties"] = 1 - share;
  TRY(check_kl_limit(updates.metrics.at("objective/kl") /
                         updates.metrics.at("completions/mean_length"),
                     setup_.kl_limit, "Raise beta or lower learning_rate"));
  return updates;
}

Result<SampleValues> OnlineDpoMethod::reference_log_probs(
    const std::vector<Rollout>& rollouts) const {
  RolloutForward forward;
  forward.adapters.stack = setup_.reference.stack;
  forward.temperature = setup_.rollout.temperature;
  forward.max_tokens_per_batch = options().max_tokens_per_batch;
  return log_probs_together(ranks(), *setup_.reference.decoder, rollouts, forward);
}

void OnlineDpoMethod::add_metrics(const std::vector<Rollout>& rollouts, const SampleValues& sampled,
                                  const SampleValues& reference,
                                  std::map<std::string, double>* metrics) const {
  double scores = 0;
  double margins = 0;
  double ended = 0;
  for (const Rollout& rollout : rollouts) {
    margins += std::abs(rollout.samples[0].score - rollout.samples[1].score);
    for (const RolloutSample& sample : rollout.samples) {
      scores += sample.score;
      ended += sample.ended ? 1 : 0;
    }
  }
  double kl = 0;
  double entropy = 0;
  for (size_t i = 0; i < sampled.size(); ++i) {
    kl += sum_of(sampled[i]) - sum_of(reference[i]);
    entropy -= sum_of(sampled[i]);
  }
  const auto samples = static_cast<double>(sampled.size());
  const double beta = options().loss.beta;
  (*metrics)["objective/scores"] = scores / samples;
  (*metrics)["objective/scores_margin"] = margins / static_cast<double>(rollouts.size());
  (*metrics)["objective/kl"] = kl / samples;
  (*metrics)["objective/non_score_reward"] = -beta * kl / samples;
  (*metrics)["objective/rlhf_reward"] = (scores - beta * kl) / samples;
  (*metrics)["objective/entropy"] = entropy / samples;
  (*metrics)["val/contain_eos_token"] = ended / samples;
  (*metrics)["beta"] = beta;
  add_length_metrics(rollouts, metrics);
}

Result<std::optional<std::map<std::string, double>>> OnlineDpoMethod::evaluate() {
  std::vector<int64_t> rows(prompts_.evaluation.size());
  std::iota(rows.begin(), rows.end(), 0);
  const Answers answers = TRY(answer(prompts_.evaluation, rows, kEvaluationStep));
  const std::vector<Rollout>& rollouts = answers.rollouts;
  const SampleValues reference = TRY(reference_log_probs(rollouts));
  const SampleValues sampled = captured_log_probs(rollouts);
  std::map<std::string, double> metrics = answers.metrics;
  add_metrics(rollouts, sampled, reference, &metrics);
  if (setup_.gold != nullptr) {
    TRY(add_gold_metrics(ranks(), *setup_.gold, prompts_.evaluation, rollouts, sampled, reference,
                         &metrics));
  }
  return std::optional<std::map<std::string, double>>(std::move(metrics));
}

}  // namespace attune::engine::train
