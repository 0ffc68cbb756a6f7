#include "engine/train/on_policy/group_method.h"

#include <ATen/ops/ones_like.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/check.h"
#include "base/log.h"
#include "engine/train/on_policy/gold_reward.h"

namespace attune::engine::train {
namespace {

// Rollouts of evaluations are always the same draw.
constexpr int64_t kEvaluationStep = std::numeric_limits<int64_t>::max();

Tensor packed(const SampleValues& values, const std::vector<int64_t>& samples) {
  std::vector<float> all;
  for (int64_t sample : samples) {
    const std::vector<float>& own = values[static_cast<size_t>(sample)];
    all.insert(all.end(), own.begin(), own.end());
  }
  return at::tensor(all, at::kFloat);
}

Tensor gathered(const std::vector<double>& values, const std::vector<int64_t>& samples) {
  std::vector<float> chosen;
  for (int64_t sample : samples) {
    chosen.push_back(static_cast<float>(values[static_cast<size_t>(sample)]));
  }
  return at::tensor(chosen, at::kFloat);
}

// Over the values whose `counted` is 1.
Mean mean_of(const Tensor& values, const Tensor& counted) {
  return {(values * counted).sum().item<double>(), counted.sum().item<double>()};
}

}  // namespace

GroupMethod::GroupMethod(models::Decoder& decoder, const text::Tokenizer& tokenizer,
                         WeightedRewards& rewards, GroupSetup setup, PromptData prompts)
    : decoder_(decoder),
      tokenizer_(tokenizer),
      rewards_(rewards),
      setup_(std::move(setup)),
      prompts_(std::move(prompts)) {
  CHECK(setup_.reference || (!setup_.settings.needs_reference() && setup_.gold == nullptr),
        "beta or a gold reward without a reference");
}

int64_t GroupMethod::row_count(Split split) const {
  if (split == Split::kRollout) return static_cast<int64_t>(rollouts_.size());
  return static_cast<int64_t>(
      (split == Split::kTrain ? prompts_.train : prompts_.evaluation).size());
}

int64_t GroupMethod::row_tokens(Split split, int64_t row) const {
  const auto i = static_cast<size_t>(row);
  if (split == Split::kRollout) return rollouts_[i].tree.tokens();
  // A step's memory is that of its rollouts, which are at most so long.
  const PromptRow& prompt = (split == Split::kTrain ? prompts_.train : prompts_.evaluation)[i];
  return prompt.tokens() + setup_.rollout.samples * setup_.rollout.response_length;
}

int64_t GroupMethod::row_units(Split split, int64_t row) const {
  CHECK(split == Split::kRollout, "only rollouts are trained on");
  return rollouts_[static_cast<size_t>(row)].tree.completion_tokens();
}

std::string GroupMethod::row_name(Split split, int64_t row) const {
  const auto i = static_cast<size_t>(row);
  if (split == Split::kRollout) {
    const RowName& name = prompts_.train[static_cast<size_t>(rollouts_[i].row)].name;
    return fmt::format("{} row {} (its sampled answers)", name.file, name.number);
  }
  const RowName& name = (split == Split::kTrain ? prompts_.train : prompts_.evaluation)[i].name;
  return fmt::format("{} row {}", name.file, name.number);
}

std::string GroupMethod::fingerprint() const {
  return fingerprint_of(prompts_.train, prompts_.evaluation);
}

RolloutForward GroupMethod::forward_of(const std::vector<std::string>& stack) const {
  RolloutForward forward;
  forward.adapters.stack = stack;
  forward.temperature = setup_.rollout.temperature;
  forward.max_tokens_per_batch = setup_.max_tokens_per_batch;
  return forward;
}

Result<SampleValues> GroupMethod::reference_log_probs(const std::vector<Rollout>& rollouts) const {
  if (!setup_.reference) return SampleValues();
  return log_probs_together(ranks_, *setup_.reference->decoder, rollouts,
                            forward_of(setup_.reference->stack));
}

Result<StepUpdates> GroupMethod::begin_step(int64_t step, const std::vector<int64_t>& rows) {
  const auto sample = [&](const RowShare& share) {
    return make_rollouts(decoder_, tokenizer_, prompts_.train, rows, step, setup_.rollout, share);
  };
  Answers answers = TRY(answer_together(ranks_, prompts_.train, sample, &rewards_));
  StepUpdates updates =
      TRY(learn_from(step, std::move(answers.rollouts), std::move(answers.metrics)));
  TRY(check_kl_limit(batch_.kl_per_token.value_or(0), setup_.kl_limit,
                     "Raise beta or lower learning_rate"));
  return updates;
}

Result<StepUpdates> GroupMethod::learn_from(int64_t step, std::vector<Rollout> rollouts,
                                            std::map<std::string, double> metrics) {
  rollouts_ = std::move(rollouts);
  StepUpdates updates{Split::kRollout, {}, std::move(metrics)};
  add_length_metrics(rollouts_, &updates.metrics);
  // One update: the policy that samples is the one that learns, and its own log-probs stand for the
  // old ones. Several: the old ones by the path of training, so that the first ratio is 1.
  const GroupSettings& settings = setup_.settings;
  const bool several = settings.updates * setup_.iterations > 1;
  SampleValues sampled = captured_log_probs(rollouts_);
  if (several) {
    const SampleValues captured = std::move(sampled);
    sampled = TRY(log_probs_together(ranks_, decoder_, rollouts_,
                                     forward_of(setup_.rollout.adapters)));
    add_path_difference(captured, sampled, &updates.metrics);
  }
  SampleValues reference;
  if (settings.needs_reference() || setup_.kl_limit) {
    reference = TRY(reference_log_probs(rollouts_));  // nothing where none is held
  }
  batch_ = make_group_batch(rollouts_, sampled, reference, settings, &updates.metrics);
  if (several) batch_.old = std::move(sampled);
  warn_without_signal(step, updates.metrics);
  const auto parts = rollouts_of_updates(static_cast<int64_t>(rollouts_.size()), settings.updates);
  for (int64_t i = 0; i < setup_.iterations; ++i) {
    updates.rows.insert(updates.rows.end(), parts.begin(), parts.end());
  }
  lowest_clipped_ = 1;
  highest_clipped_ = 0;
  return updates;
}

// Said once: what TRL shows only as a loss of zero.
void GroupMethod::warn_without_signal(int64_t step, const std::map<std::string, double>& metrics) {
  if (warned_) return;
  const double weight = std::accumulate(batch_.weights.begin(), batch_.weights.end(), 0.0);
  if (weight == 0) {
    log_warning("step {}: no sampled answer ended within {} tokens, and "
                "mask_truncated_completions leaves all of them out: nothing is learnt from it",
                step + 1, setup_.rollout.response_length);
    warned_ = true;
  } else if (setup_.settings.algorithm != GroupAlgorithm::kReinforce &&
             metrics.at("frac_reward_zero_std") == 1) {
    log_warning("step {}: the answers to each prompt all got the same reward: nothing is learnt "
                "from it (frac_reward_zero_std counts such prompts)",
                step + 1);
    warned_ = true;
  }
}

// REINFORCE++: clipped ratios of tokens with an advantage of their own.
Tensor GroupMethod::token_losses(const std::vector<int64_t>& samples, const Tensor& log_probs,
                                 objectives::PolicyLosses* out) const {
  const GroupSettings& settings = setup_.settings;
  const Tensor old =
      batch_.old.empty() ? log_probs.detach() : packed(batch_.old, samples);
  const objectives::PolicyTerms terms =
      objectives::policy_terms(log_probs, old, packed(batch_.token_advantages, samples),
                               settings.policy.clip_low, settings.policy.clip_high);
  const Tensor advantages = packed(batch_.token_advantages, samples);
  out->clipped_low = terms.clipped * (advantages < 0);
  out->clipped_high = terms.clipped * (advantages > 0);
  if (!settings.group_baseline || !settings.needs_reference()) return terms.loss;
  const Tensor kl = objectives::kl_terms(log_probs, packed(batch_.reference, samples),
                                         objectives::KlEstimator::kK2);
  out->kl = kl.detach();
  return terms.loss + settings.beta * kl;
}

objectives::PolicyLosses GroupMethod::losses(const std::vector<int64_t>& samples,
                                             const Tensor& log_probs,
                                             const objectives::Spans& spans) const {
  const GroupSettings& settings = setup_.settings;
  if (settings.algorithm == GroupAlgorithm::kReinforce) {
    objectives::PolicyLosses out;
    out.loss = spans.sums(token_losses(samples, log_probs, &out));
    return out;
  }
  objectives::GroupTokens tokens;
  tokens.log_probs = log_probs;
  if (!batch_.old.empty()) tokens.old = packed(batch_.old, samples);
  tokens.advantages = gathered(batch_.advantages, samples);
  if (settings.algorithm == GroupAlgorithm::kRloo) {
    return objectives::rloo_losses(tokens, spans, settings.policy.clip_low,
                                   settings.policy.clip_high);
  }
  if (settings.needs_reference()) tokens.reference = packed(batch_.reference, samples);
  return objectives::group_policy_losses(tokens, spans, settings.policy);
}

PassResult GroupMethod::pass(Split split, const std::vector<int64_t>& rows,
                             const PassOptions& options) {
  CHECK(split == Split::kRollout, "only rollouts are trained on");
  models::TreeBatch batch;
  std::vector<int64_t> samples;
  for (int64_t row : rows) {
    const auto i = static_cast<size_t>(row);
    batch.add(rollouts_[i].tree);
    for (int64_t s = batch_.first_sample[i]; s < batch_.first_sample[i + 1]; ++s) {
      samples.push_back(s);
    }
  }
  models::ForwardOptions forward;
  forward.adapters.stack = setup_.rollout.adapters;
  forward.recompute = options.recompute;
  ops::LogProbOptions wanted;
  wanted.temperature = setup_.rollout.temperature;
  wanted.entropy = true;
  wanted.chunk_rows = options.chunk_rows;
  const models::BranchLogProbs got = models::branch_log_probs(decoder_, batch, forward, wanted);
  const objectives::Spans spans(batch.counts);
  const objectives::PolicyLosses found = losses(samples, got.tokens, spans);
  PassResult result;
  const Tensor weights = gathered(batch_.weights, samples);
  result.loss = (found.loss * weights).sum();
  // Metrics of tokens are means over those that train.
  const Tensor trained = spans.spread((weights > 0).to(at::kFloat));
  add_pass_metrics(found, spans, trained, &result);
  result.means["entropy"] = mean_of(*got.entropy, trained);
  return result;
}

void GroupMethod::add_pass_metrics(const objectives::PolicyLosses& losses,
                                   const objectives::Spans& spans, const Tensor& trained,
                                   PassResult* result) {
  const bool by_token = setup_.settings.algorithm != GroupAlgorithm::kRloo;  // else by answer
  const Tensor counted = by_token ? trained : at::ones_like(losses.clipped_low);
  if (losses.kl.defined()) result->means["kl"] = mean_of(losses.kl, trained);
  result->means["clip_ratio/low_mean"] = mean_of(losses.clipped_low, counted);
  result->means["clip_ratio/high_mean"] = mean_of(losses.clipped_high, counted);
  result->means["clip_ratio/region_mean"] =
      mean_of(losses.clipped_low + losses.clipped_high, counted);
  const auto by_sample = [&](const Tensor& flags) { return by_token ? spans.means(flags) : flags; };
  lowest_clipped_ =
      std::min(lowest_clipped_, by_sample(losses.clipped_low).min().item<double>());
  highest_clipped_ =
      std::max(highest_clipped_, by_sample(losses.clipped_high).max().item<double>());
}

Status GroupMethod::end_step(std::map<std::string, double>* metrics) {
  const std::string own = Json({lowest_clipped_, highest_clipped_}).dump();
  const auto all = ranks_ == nullptr ? std::vector<std::string>{own} : ranks_->all_gather(own);
  for (const std::string& line : all) {
    const Json ends = TRY(parse_json(line));
    lowest_clipped_ = std::min(lowest_clipped_, ends[0].get<double>());
    highest_clipped_ = std::max(highest_clipped_, ends[1].get<double>());
  }
  (*metrics)["clip_ratio/low_min"] = lowest_clipped_;
  (*metrics)["clip_ratio/high_max"] = highest_clipped_;
  return {};
}

Result<std::optional<std::map<std::string, double>>> GroupMethod::evaluate() {
  std::vector<int64_t> rows(prompts_.evaluation.size());
  std::iota(rows.begin(), rows.end(), 0);
  RolloutOptions options = setup_.rollout;
  options.samples = setup_.evaluation_samples;
  const auto sample = [&](const RowShare& share) {
    return make_rollouts(decoder_, tokenizer_, prompts_.evaluation, rows, kEvaluationStep, options,
                         share);
  };
  Answers answers = TRY(answer_together(ranks_, prompts_.evaluation, sample, &rewards_));
  const std::vector<Rollout>& rollouts = answers.rollouts;
  std::map<std::string, double> metrics = std::move(answers.metrics);
  add_length_metrics(rollouts, &metrics);
  add_reward_metrics(rollouts, &metrics);
  const SampleValues reference = TRY(reference_log_probs(rollouts));
  if (!reference.empty()) {
    const SampleValues sampled = captured_log_probs(rollouts);
    Mean kl;
    for (size_t i = 0; i < reference.size(); ++i) {
      for (size_t t = 0; t < reference[i].size(); ++t) {
        kl.sum += static_cast<double>(sampled[i][t]) - static_cast<double>(reference[i][t]);
        ++kl.count;
      }
    }
    metrics["kl"] = kl.sum / std::max(kl.count, 1.0);
    if (setup_.gold != nullptr) {
      TRY(add_gold_metrics(ranks_, *setup_.gold, prompts_.evaluation, rollouts, sampled, reference,
                           &metrics));
    }
  }
  return std::optional<std::map<std::string, double>>(std::move(metrics));
}

}  // namespace attune::engine::train
