#include "engine/train/on_policy/ppo_options.h"

#include <string>

namespace attune::engine::train {
namespace {

Status read_rollout(const Json& config, PpoOptions& options) {
  RolloutOptions& rollout = options.rollout;
  rollout.response_length = TRY(get_int_or(config, "response_length", 53));
  rollout.temperature = TRY(get_double_or(config, "temperature", 0.7));
  rollout.rows_max = TRY(get_int_or(config, "local_rollout_forward_batch_size", 64));
  rollout.samples = TRY(get_int_or(config, "samples_per_prompt", 1));
  if (rollout.response_length < 1) return invalid_input("response_length: give at least 1");
  if (!(rollout.temperature > 0)) {
    return invalid_input("temperature: {} must be above 0: answers are sampled",
                         rollout.temperature);
  }
  options.recompute_log_probs = TRY(get_bool_or(config, "recompute_log_probs", true));
  return {};
}

Status read_kl(const Json& config, PpoOptions& options) {
  const std::string estimator = TRY(get_string_or(config, "kl_estimator", "k1"));
  if (estimator == "k1") {
    options.kl_estimator = objectives::KlEstimator::kK1;
  } else if (estimator == "k2") {
    options.kl_estimator = objectives::KlEstimator::kK2;
  } else if (estimator == "k3") {
    options.kl_estimator = objectives::KlEstimator::kK3;
  } else {
    return invalid_input("kl_estimator: {} is unknown; use k1, k2 or k3", estimator);
  }
  options.kl.beta = TRY(get_double_or(config, "kl_coef", 0.05));
  const std::string controller = TRY(get_string_or(config, "kl_controller", "fixed"));
  if (controller == "adaptive") {
    options.kl.target = TRY(get_double_or(config, "kl_target", 6.0));
    options.kl.horizon = TRY(get_double_or(config, "kl_horizon", 10000.0));
    if (!(*options.kl.target > 0) || !(options.kl.horizon > 0)) {
      return invalid_input("kl_target and kl_horizon must be above 0");
    }
  } else if (controller != "fixed") {
    return invalid_input("kl_controller: {} is unknown; use fixed or adaptive", controller);
  }
  if (find(config, "kl_limit") != nullptr) options.kl_limit = TRY(get_double(config, "kl_limit"));
  options.ratio_clamp = TRY(get_double_or(config, "ratio_clamp", 0));
  return {};
}

// eos_rule: none, "replace" or "subtract" with eos_penalty; TRL's missing_eos_penalty subtracts.
Status read_eos_rule(const Json& config, PpoOptions& options) {
  const std::string rule = TRY(get_string_or(config, "eos_rule", "none"));
  const bool penalty = find(config, "missing_eos_penalty") != nullptr;
  if (rule == "replace" || rule == "subtract") {
    if (penalty) {
      return invalid_input(
          "missing_eos_penalty: is eos_rule: subtract with eos_penalty; set one of them");
    }
    const bool replaces = rule == "replace";
    options.eos_rule.kind =
        replaces ? objectives::EosRule::kReplace : objectives::EosRule::kSubtract;
    options.eos_rule.value = TRY(get_double_or(config, "eos_penalty", replaces ? -1.0 : 1.0));
  } else if (rule != "none") {
    return invalid_input("eos_rule: {} is unknown; use none, replace or subtract", rule);
  } else if (penalty) {
    options.eos_rule = {objectives::EosRule::kSubtract,
                        TRY(get_double(config, "missing_eos_penalty"))};
  }
  return {};
}

Status read_advantages(const Json& config, PpoOptions& options) {
  const std::string position = TRY(get_string_or(config, "score_position", "eos_plus_1"));
  if (position == "eos") {
    options.score_position = objectives::ScorePosition::kEos;
  } else if (position != "eos_plus_1") {
    return invalid_input("score_position: {} is unknown; use eos or eos_plus_1", position);
  }
  const std::string variance = TRY(get_string_or(config, "variance", "unbiased"));
  if (variance != "biased" && variance != "unbiased") {
    return invalid_input("variance: {} is unknown; use biased or unbiased", variance);
  }
  options.unbiased = variance == "unbiased";
  options.reward_clamp = TRY(get_double_or(config, "reward_clamp", 0));
  options.whiten_rewards = TRY(get_bool_or(config, "whiten_rewards", false));
  options.whiten_advantages = TRY(get_bool_or(config, "whiten_advantages", true));
  options.gamma = TRY(get_double_or(config, "gamma", 1.0));
  options.lambda = TRY(get_double_or(config, "lam", 0.95));
  return {};
}

Status read_updates(const Json& config, PpoOptions& options) {
  options.clip_range = TRY(get_double_or(config, "cliprange", 0.2));
  options.clip_range_value = TRY(get_double_or(config, "cliprange_value", 0.2));
  options.value_weight = TRY(get_double_or(config, "vf_coef", 0.1));
  options.epochs = TRY(get_int_or(config, "num_ppo_epochs", 4));
  options.minibatches = TRY(get_int_or(config, "num_mini_batches", 1));
  if (options.epochs < 1) return invalid_input("num_ppo_epochs: give at least 1");
  if (options.minibatches < 1) return invalid_input("num_mini_batches: give at least 1");
  if (find(config, "target_kl") != nullptr) {
    options.target_kl = TRY(get_double(config, "target_kl"));
  }
  options.ptx_weight = TRY(get_double_or(config, "ptx_coefficient", 0));
  options.ptx_rows = TRY(get_int_or(config, "ptx_rows_per_episode", 8));
  options.ema = TRY(get_double_or(config, "ema", 0));
  if (options.ema < 0 || options.ema >= 1) {
    return invalid_input("ema: {} must be at least 0 and below 1", options.ema);
  }
  return {};
}

}  // namespace

Result<PpoOptions> read_ppo_options(const Json& config) {
  PpoOptions options;
  TRY(read_rollout(config, options));
  TRY(read_kl(config, options));
  TRY(read_eos_rule(config, options));
  TRY(read_advantages(config, options));
  TRY(read_updates(config, options));
  if (find(config, "max_tokens_per_batch") != nullptr) {
    options.scoring_tokens = TRY(get_int(config, "max_tokens_per_batch"));
  }
  return options;
}

}  // namespace attune::engine::train
