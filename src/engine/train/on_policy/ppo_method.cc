#include "engine/train/on_policy/ppo_method.h"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/log.h"
#include "base/random.h"
#include "engine/train/on_policy/gold_reward.h"

namespace attune::engine::train {
namespace {

constexpr uint64_t kShuffleStream = 0x5488;
constexpr int64_t kEvaluationStep = -1;  // the same samples of the same policy at every evaluation
// A mean k1 estimate this far below zero is no noise: something else than the policy has sampled.
constexpr double kNegativeKl = -1.0;

bool all_finite(const SampleValues& values) {
  for (const std::vector<float>& sample : values) {
    for (float value : sample) {
      if (!std::isfinite(value)) return false;
    }
  }
  return true;
}

double unbiased_variance(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  double mean = 0;
  for (double value : values) mean += value / static_cast<double>(values.size());
  double squares = 0;
  for (double value : values) squares += (value - mean) * (value - mean);
  return squares / static_cast<double>(values.size() - 1);
}

}  // namespace

void capture_values(PpoSetup* setup) {
  const PpoRoles& roles = setup->roles;
  if (!(roles.value == roles.policy) || setup->options.recompute_log_probs) return;
  setup->options.rollout.value_head = roles.value_head;
}

PpoMethod::PpoMethod(PpoSetup setup)
    : setup_(std::move(setup)), controller_(setup_.options.kl) {
  if (setup_.options.ema == 0) return;
  for (const optim::NamedTensor& parameter : setup_.policy_parameters) {
    averaged_.push_back(
        {"ema." + parameter.name, parameter.tensor.detach().to(at::kFloat).clone()});
  }
}

int64_t PpoMethod::row_count(Split split) const {
  if (split == Split::kTrain) return static_cast<int64_t>(setup_.train.size());
  if (split == Split::kEvaluation) return static_cast<int64_t>(setup_.evaluation.size());
  return static_cast<int64_t>(rollouts_.size() + pretraining_.size());
}

// Of a prompt: with answers of full length, for the plan's memory.
int64_t PpoMethod::row_tokens(Split split, int64_t row) const {
  const auto i = static_cast<size_t>(row);
  const int64_t copies = setup_.roles.copies();
  if (split == Split::kRollout) {
    return is_rollout(row) ? copies * rollouts_[i].tree.tokens() : pretraining_row(row).tokens();
  }
  const PromptRow& prompt =
      split == Split::kTrain ? setup_.train[i] : setup_.evaluation[i];
  const RolloutOptions& rollout = setup_.options.rollout;
  return copies * (prompt.tokens() + rollout.samples * rollout.response_length);
}

int64_t PpoMethod::row_units(Split split, int64_t row) const {
  if (split != Split::kRollout) return 1;
  return is_rollout(row) ? batch_.tokens_of(row) : 0;
}

std::string PpoMethod::row_name(Split split, int64_t row) const {
  const auto i = static_cast<size_t>(row);
  if (split == Split::kRollout && !is_rollout(row)) {
    const RowName& name = pretraining_row(row).names[0];
    return fmt::format("{} row {} (pretraining)", name.file, name.number);
  }
  const size_t prompt = split == Split::kRollout ? static_cast<size_t>(rollouts_[i].row) : i;
  const RowName& name =
      (split == Split::kEvaluation ? setup_.evaluation : setup_.train)[prompt].name;
  return fmt::format("{} row {}", name.file, name.number);
}

const SftRow& PpoMethod::pretraining_row(int64_t row) const {
  const auto i = static_cast<size_t>(row) - rollouts_.size();
  return setup_.pretraining[static_cast<size_t>(pretraining_[i])];
}

// Samples, scores, and what every role says of them.
Result<PpoMethod::Answered> PpoMethod::answer(Split split, const std::vector<int64_t>& rows,
                                              int64_t step) {
  const PpoOptions& options = setup_.options;
  const auto& prompts = split == Split::kTrain ? setup_.train : setup_.evaluation;
  Answers judged = TRY(answer_together(
      ranks_, prompts,
      [&](const RowShare& share) { return setup_.answer(prompts, rows, step, share); },
      setup_.reward));
  Answered answered;
  answered.rollouts = std::move(judged.rollouts);
  answered.measured = TRY(measure_all(split, answered.rollouts));
  const SampleValues captured = captured_log_probs(answered.rollouts);
  const bool recomputed = !answered.measured.log_probs.empty();
  answered.old_log_probs = recomputed ? answered.measured.log_probs : captured;
  answered.metrics = rollout_metrics(answered.rollouts, answered.old_log_probs,
                                     answered.measured.reference, options, controller_.beta);
  if (recomputed) add_path_difference(captured, answered.old_log_probs, &answered.metrics);
  answered.metrics.merge(judged.metrics);
  return answered;
}

Result<Measured> PpoMethod::measure_all(Split split, const std::vector<Rollout>& rollouts) {
  const PpoOptions& options = setup_.options;
  const bool training = split == Split::kTrain;
  const bool captured = options.rollout.value_head.defined();
  const MeasureOptions wanted{.policy = training && options.recompute_log_probs,
                              .values = training && !captured,
                              .temperature = options.rollout.temperature,
                              .max_tokens_per_batch = options.scoring_tokens};
  KindsOfValues kinds = TRY(compute_together(ranks_, rollouts, [&](const auto& some) {
    Measured own = measure(setup_.roles, some, wanted);
    return KindsOfValues{std::move(own.log_probs), std::move(own.reference),
                         std::move(own.values)};
  }));
  if (training && captured) kinds[2] = captured_values(rollouts);
  return Measured{std::move(kinds[0]), std::move(kinds[1]), std::move(kinds[2])};
}

// Before anything is learnt from it: what would only be seen as a loss that is no number later.
Status PpoMethod::check(const Answered& answered) const {
  if (!all_finite(answered.old_log_probs) || !all_finite(answered.measured.reference)) {
    return invalid_input(
        "the policy or its reference gives an answer no finite log-prob; its weights are broken, "
        "or dtype is too narrow for it");
  }
  if (!all_finite(answered.measured.values)) {
    return invalid_input("the value model gives values that are no numbers; lower learning_rate, "
                         "value_learning_rate or vf_coef");
  }
  const double kl = answered.metrics.at("objective/kl_k1");
  TRY(check_kl_limit(kl / answered.metrics.at("completions/mean_length"), setup_.options.kl_limit,
                     "Raise kl_coef, lower learning_rate, or set target_kl"));
  if (kl < kNegativeKl) {
    log_warning(
        "objective/kl is {:.3f}: far below zero, which no sample of the policy itself gives in the "
        "mean; look at temperature and at what the reference is",
        kl);
  }
  return {};
}

Result<StepUpdates> PpoMethod::begin_step(int64_t step, const std::vector<int64_t>& rows) {
  if (!began_) began_ = std::chrono::steady_clock::now();
  Answered answered = TRY(answer(Split::kTrain, rows, step));
  TRY(check(answered));
  batch_ = PpoBatch(answered.rollouts, answered.old_log_probs, answered.measured, setup_.options,
                    controller_.beta);
  rollouts_ = std::move(answered.rollouts);
  episodes_ += static_cast<int64_t>(answered.old_log_probs.size());
  episodes_here_ += static_cast<double>(answered.old_log_probs.size());
  StepUpdates updates = plan_updates(step);
  updates.metrics = std::move(answered.metrics);
  updates.metrics["episode"] = static_cast<double>(episodes_);
  return updates;
}

// Each epoch in an order of its own, cut into minibatches whose sizes differ by one row at most.
StepUpdates PpoMethod::plan_updates(int64_t step) {
  Random random(setup_.options.rollout.seed ^ kShuffleStream, static_cast<uint64_t>(step));
  StepUpdates updates;
  updates.split = Split::kRollout;
  const auto count = static_cast<int64_t>(rollouts_.size());
  const int64_t minibatches = std::min(setup_.options.minibatches, count);
  pretraining_.clear();
  counts_.clear();
  ratios_.clear();
  for (int64_t epoch = 0; epoch < setup_.options.epochs; ++epoch) {
    const std::vector<int64_t> order = random.permutation(count);
    for (int64_t m = 0; m < minibatches; ++m) {
      const auto begin = order.begin() + count * m / minibatches;
      std::vector<int64_t> update(begin, order.begin() + count * (m + 1) / minibatches);
      Counts counts;
      for (int64_t row : update) counts.positions += static_cast<double>(batch_.positions_of(row));
      if (setup_.options.ptx_weight > 0) add_pretraining(random, update);
      for (int64_t row : update) {
        if (is_rollout(row)) continue;
        counts.pretraining_tokens += static_cast<double>(pretraining_row(row).trained_tokens());
      }
      counts_.push_back(counts);
      updates.rows.push_back(std::move(update));
    }
  }
  return updates;
}

// So many pretraining rows for each episode of the update, drawn anew.
void PpoMethod::add_pretraining(Random& random, std::vector<int64_t>& update) {
  int64_t episodes = 0;
  for (int64_t row : update) {
    episodes += static_cast<int64_t>(rollouts_[static_cast<size_t>(row)].samples.size());
  }
  for (int64_t i = 0; i < episodes * setup_.options.ptx_rows; ++i) {
    update.push_back(static_cast<int64_t>(rollouts_.size() + pretraining_.size()));
    pretraining_.push_back(static_cast<int64_t>(random.below(setup_.pretraining.size())));
  }
}

bool PpoMethod::after_update(const std::map<std::string, double>& metrics) {
  ratios_.push_back(metrics.at("val/ratio"));
  const auto& target = setup_.options.target_kl;
  return !target || metrics.at("policy/approxkl_avg") <= *target;
}

Status PpoMethod::end_step(std::map<std::string, double>* metrics) {
  (*metrics)["val/ratio_var"] = unbiased_variance(ratios_);
  (*metrics)["ppo/updates"] = static_cast<double>(ratios_.size());
  const auto rate = metrics->find("learning_rate");
  if (rate != metrics->end()) (*metrics)["lr"] = rate->second;
  if (began_) {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - *began_;
    (*metrics)["eps"] = episodes_here_ / elapsed.count();
  }
  double samples = 0;
  for (const Rollout& rollout : rollouts_) samples += static_cast<double>(rollout.samples.size());
  controller_.update(metrics->at("objective/kl"), samples);
  c10::NoGradGuard no_grad;
  for (size_t i = 0; i < averaged_.size(); ++i) {
    const Tensor now = setup_.policy_parameters[i].tensor.detach().to(at::kFloat);
    averaged_[i].tensor.mul_(setup_.options.ema).add_(now, 1 - setup_.options.ema);
  }
  return {};
}

// Answers to the held-out prompts, always with the same seeds: what changes is the policy.
Result<std::optional<std::map<std::string, double>>> PpoMethod::evaluate() {
  std::vector<int64_t> rows(setup_.evaluation.size());
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<int64_t>(i);
  Answered answered = TRY(answer(Split::kEvaluation, rows, kEvaluationStep));
  if (setup_.gold != nullptr) {
    TRY(add_gold_metrics(ranks_, *setup_.gold, setup_.evaluation, answered.rollouts,
                         answered.old_log_probs, answered.measured.reference, &answered.metrics));
  }
  return std::optional(std::move(answered.metrics));
}

std::string PpoMethod::fingerprint() const {
  return fingerprint_of(setup_.train, setup_.evaluation);
}

Json PpoMethod::state() const {
  return {{"kl_coef", controller_.beta}, {"episodes", episodes_}};
}

Status PpoMethod::load_state(const Json& state) {
  controller_.beta = TRY(get_double(state, "kl_coef"));
  episodes_ = TRY(get_int(state, "episodes"));
  return {};
}

// The averaged weights are what a run with `ema` is for.
Status PpoMethod::finish(const std::string& run_directory) {
  c10::NoGradGuard no_grad;
  for (size_t i = 0; i < averaged_.size(); ++i) {
    Tensor parameter = setup_.policy_parameters[i].tensor.detach();
    parameter.copy_(averaged_[i].tensor);
  }
  return setup_.save_value ? setup_.save_value(run_directory) : Status();
}

}  // namespace attune::engine::train
