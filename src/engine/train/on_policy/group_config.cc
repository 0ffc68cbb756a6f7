#include "engine/train/on_policy/group_config.h"

#include "engine/train/on_policy/prompt_run.h"

namespace attune::engine::train {
namespace {

Result<std::optional<int64_t>> optional_int(const Json& config, const char* key) {
  if (find(config, key) == nullptr) return std::optional<int64_t>();
  return std::optional<int64_t>(TRY(get_int(config, key)));
}

// Batches of answers that are sampled at once.
Result<int64_t> steps_per_generation(const Json& config, const BatchOptions& batch) {
  const auto steps = TRY(optional_int(config, "steps_per_generation"));
  const auto answers = TRY(optional_int(config, "generation_batch_size"));
  if (steps && answers) {
    return invalid_input("generation_batch_size and steps_per_generation exclude each other");
  }
  if (!answers) return steps.value_or(batch.accumulation);
  if (*answers % batch.rows_per_batch != 0) {
    return invalid_input(
        "generation_batch_size: {} is no multiple of per_device_train_batch_size ({})", *answers,
        batch.rows_per_batch);
  }
  return *answers / batch.rows_per_batch;
}

Result<std::optional<std::pair<double, double>>> read_reward_clip(const Json& config) {
  const Json* found = find(config, "reward_clip_range");
  if (found == nullptr) return std::optional<std::pair<double, double>>();
  std::vector<double> ends;
  for (const Json& end : found->is_array() ? *found : Json::array({*found})) {
    const auto number = end.is_string() ? parse_json(end.get<std::string>()) : Result<Json>(end);
    if (number.ok() && number->is_number()) ends.push_back(number->get<double>());
  }
  if (ends.size() != 2 || found->size() != 2 || ends[0] >= ends[1]) {
    return invalid_input("reward_clip_range: must be two numbers, the smaller first, found {}",
                         to_line(*found));
  }
  return std::optional(std::pair(ends[0], ends[1]));
}

Result<objectives::RewardScale> read_scale(const Json& config) {
  std::string name = TRY(get_string_or(config, "scale_rewards", "group"));
  if (name == "true") name = "group";  // older recipes say yes or no
  if (name == "false") name = "none";
  return objectives::parse_reward_scale(name);
}

// What only GRPO's table has.
Status read_grpo(const Json& config, GroupSettings* settings) {
  objectives::GroupPolicyOptions& policy = settings->policy;
  const std::string loss = TRY(get_string_or(config, "loss_type", "dapo"));
  policy.aggregation = TRY(objectives::parse_aggregation(loss));
  const std::string level = TRY(get_string_or(config, "importance_sampling_level", "token"));
  if (level != "token" && level != "sequence") {
    return invalid_input("importance_sampling_level: {} is unknown; use token or sequence", level);
  }
  policy.level = level == "token" ? objectives::ImportanceLevel::kToken
                                  : objectives::ImportanceLevel::kSequence;
  settings->scale = TRY(read_scale(config));
  policy.ratio_cap = TRY(get_double_or(config, "delta", 0));
  policy.beta = settings->beta;
  policy.weighted_kl = TRY(get_bool_or(config, "use_bias_correction_kl", true));
  return {};
}

Result<GroupSettings> read_settings(const Json& config, GroupAlgorithm algorithm,
                                    const TrainingOptions& options) {
  GroupSettings settings;
  settings.algorithm = algorithm;
  settings.beta = TRY(get_double_or(config, "beta", 0));
  settings.policy.clip_low = TRY(get_double_or(config, "epsilon", 0.2));
  settings.policy.clip_high = TRY(get_double_or(config, "epsilon_high", settings.policy.clip_low));
  settings.policy.max_completion_length = TRY(get_int_or(config, "max_completion_length", 512));
  settings.mask_truncated = TRY(get_bool_or(config, "mask_truncated_completions", false));
  settings.micro_batch = options.batch.rows_per_batch;
  settings.updates = TRY(read_group_shape(config, options.batch)).updates;
  switch (algorithm) {
    case GroupAlgorithm::kRloo:
      settings.normalise_advantages = TRY(get_bool_or(config, "normalize_advantages", false));
      settings.reward_clip = TRY(read_reward_clip(config));
      break;
    case GroupAlgorithm::kGrpo:
      TRY(read_grpo(config, &settings));
      break;
    case GroupAlgorithm::kReinforce:
      settings.group_baseline =
          TRY(get_string_or(config, "advantage_baseline", "none")) == "group";
      settings.gamma = TRY(get_double_or(config, "gamma", 1));
      break;
  }
  return settings;
}

Result<RolloutOptions> read_rollout(const Json& config, const TrainingOptions& options) {
  RolloutOptions rollout = TRY(read_sampling(config, options));
  rollout.samples = TRY(get_int(config, "num_generations"));
  rollout.response_length = TRY(get_int_or(config, "max_completion_length", 512));
  return rollout;
}

}  // namespace

Result<GroupShape> read_group_shape(const Json& config, const BatchOptions& batch) {
  if (batch.tokens_per_step) {
    return invalid_input("tokens_per_step: on-policy steps are counted in answers");
  }
  const int64_t generations = TRY(get_int(config, "num_generations"));
  const int64_t steps = TRY(steps_per_generation(config, batch));
  const int64_t answers = batch.rows_per_batch * steps;
  if (answers % generations != 0) {
    return invalid_input(
        "num_generations: {} does not divide the {} answers that are sampled at once "
        "(per_device_train_batch_size {} x steps_per_generation {})",
        generations, answers, batch.rows_per_batch, steps);
  }
  if (steps % batch.accumulation != 0) {
    return invalid_input("steps_per_generation: {} is no multiple of gradient_accumulation_steps "
                         "({})",
                         steps, batch.accumulation);
  }
  const GroupShape shape{answers / generations, steps / batch.accumulation};
  if (shape.prompts % shape.updates != 0) {
    return invalid_input(
        "steps_per_generation: the {} prompts of a step cannot be shared out to {} updates; choose "
        "per_device_train_batch_size x gradient_accumulation_steps as a multiple of "
        "num_generations ({})",
        shape.prompts, shape.updates, generations);
  }
  return shape;
}

Result<GroupSetup> read_group_setup(const Json& config, GroupAlgorithm algorithm,
                                    const TrainingOptions& options) {
  GroupSetup setup;
  setup.settings = TRY(read_settings(config, algorithm, options));
  setup.rollout = TRY(read_rollout(config, options));
  setup.iterations = TRY(get_int_or(config, "num_iterations", 1));
  setup.evaluation_samples =
      TRY(get_int_or(config, "num_generations_eval", setup.rollout.samples));
  if (find(config, "kl_limit") != nullptr) setup.kl_limit = TRY(get_double(config, "kl_limit"));
  const bool alone = algorithm == GroupAlgorithm::kReinforce && !setup.settings.group_baseline;
  if (setup.rollout.samples < 2 && !alone) {
    return invalid_input("num_generations: is {}; a group of answers needs at least 2",
                         setup.rollout.samples);
  }
  return setup;
}

}  // namespace attune::engine::train
