#include "engine/train/training_options.h"

#include <algorithm>
#include <cmath>

namespace attune::engine::train {
namespace {

Result<std::optional<int64_t>> get_optional_int(const Json& config, std::string_view key) {
  if (find(config, key) == nullptr) return std::optional<int64_t>();
  return std::optional<int64_t>(TRY(get_int(config, key)));
}

Result<When> get_when(const Json& config, std::string_view key, std::string fallback) {
  const std::string value = TRY(get_string_or(config, key, std::move(fallback)));
  if (value == "no") return When::kNever;
  if (value == "steps") return When::kSteps;
  if (value == "epoch") return When::kEpoch;
  if (value == "best") return When::kBest;
  return invalid_input("{}: {} is unknown; use no, steps, epoch or best", key, value);
}

Result<BatchOptions> read_batch(const Json& config) {
  BatchOptions options;
  options.rows_per_batch = TRY(get_int_or(config, "per_device_train_batch_size", 8));
  options.accumulation = TRY(get_int_or(config, "gradient_accumulation_steps", 1));
  if (options.rows_per_batch < 1 || options.accumulation < 1) {
    return invalid_input(
        "per_device_train_batch_size and gradient_accumulation_steps must be at least 1");
  }
  const std::string order = TRY(get_string_or(config, "train_sampling_strategy", "random"));
  if (order == "sequential") {
    options.sampling = Sampling::kSequential;
  } else if (order == "group_by_length") {
    options.sampling = Sampling::kGroupByLength;
  } else if (order != "random") {
    return invalid_input(
        "train_sampling_strategy: {} is unknown; use random, sequential or group_by_length", order);
  }
  options.drop_last = TRY(get_bool_or(config, "dataloader_drop_last", false));
  options.max_tokens_per_batch = TRY(get_optional_int(config, "max_tokens_per_batch"));
  options.tokens_per_step = TRY(get_optional_int(config, "tokens_per_step"));
  options.epochs = TRY(get_double_or(config, "num_train_epochs", 3.0));
  options.max_steps = TRY(get_int_or(config, "max_steps", -1));
  if (options.max_steps < 1 && !(options.epochs > 0)) {
    return invalid_input("num_train_epochs: {} leaves no step to train; give more than 0, or "
                         "max_steps",
                         options.epochs);
  }
  return options;
}

Status read_schedule_extras(const Json& config, OptimisationOptions* options) {
  const Json* extras = find(config, "lr_scheduler_kwargs");
  if (extras == nullptr) return {};
  if (!extras->is_object()) return invalid_input("lr_scheduler_kwargs: must be an object");
  for (const auto& [name, unused] : extras->items()) {
    if (name != "min_lr_rate" && name != "min_lr") {
      return invalid_input("lr_scheduler_kwargs: {} is not available; use min_lr_rate or min_lr",
                           name);
    }
    const double number = TRY(get_double(*extras, name));
    const bool is_rate = name == "min_lr_rate" || options->learning_rate <= 0;
    options->min_lr_rate = is_rate ? number : number / options->learning_rate;
  }
  return {};
}

Result<OptimisationOptions> read_optimisation(const Json& config) {
  OptimisationOptions options;
  options.optimizer = TRY(get_string_or(config, "optim", options.optimizer));
  // The memory-saving variants of other libraries have no counterpart: fp32 AdamW stands in.
  if (options.optimizer.find("adamw") != std::string::npos) options.optimizer = "adamw_torch";
  options.learning_rate = TRY(get_double_or(config, "learning_rate", options.learning_rate));
  options.schedule = TRY(get_string_or(config, "lr_scheduler_type", options.schedule));
  options.warmup_steps = TRY(get_double_or(config, "warmup_steps", 0));
  const double ratio = TRY(get_double_or(config, "warmup_ratio", 0));
  if (options.warmup_steps == 0) options.warmup_steps = ratio;
  TRY(read_schedule_extras(config, &options));
  options.weight_decay = TRY(get_double_or(config, "weight_decay", 0));
  options.beta1 = TRY(get_double_or(config, "adam_beta1", options.beta1));
  options.beta2 = TRY(get_double_or(config, "adam_beta2", options.beta2));
  options.epsilon = TRY(get_double_or(config, "adam_epsilon", options.epsilon));
  options.epsilon_form = TRY(get_string_or(config, "adam_epsilon_form", "torch"));
  options.max_grad_norm = TRY(get_double_or(config, "max_grad_norm", options.max_grad_norm));
  return options;
}

Result<EvaluationOptions> read_evaluation(const Json& config, double logging_steps) {
  EvaluationOptions options;
  options.when = TRY(get_when(config, "eval_strategy", "no"));
  options.steps = TRY(get_double_or(config, "eval_steps", logging_steps));
  options.on_start = TRY(get_bool_or(config, "eval_on_start", false));
  options.delay = TRY(get_double_or(config, "eval_delay", 0));
  options.load_best_at_end = TRY(get_bool_or(config, "load_best_model_at_end", false));
  std::string metric = TRY(get_string_or(config, "metric_for_best_model", "loss"));
  if (!metric.starts_with("eval_")) metric = "eval_" + metric;
  options.best_metric = metric;
  // As Transformers: unset, a metric whose name does not end in "loss" is better when larger.
  options.greater_is_better =
      TRY(get_bool_or(config, "greater_is_better", !metric.ends_with("loss")));
  options.patience = TRY(get_optional_int(config, "early_stopping_patience"));
  options.threshold = TRY(get_double_or(config, "early_stopping_threshold", 0));
  if (const Json* prompts = find(config, "sample_prompts"); prompts != nullptr) {
    if (!prompts->is_array()) return invalid_input("sample_prompts: must be a list of texts");
    for (const Json& prompt : *prompts) {
      if (!prompt.is_string()) return invalid_input("sample_prompts: must be a list of texts");
      options.sample_prompts.push_back(prompt.get<std::string>());
    }
  }
  options.sample_max_new_tokens = TRY(get_int_or(config, "sample_max_new_tokens", 128));
  if (options.patience && options.when == When::kNever) {
    return invalid_input("early_stopping_patience: needs eval_strategy steps or epoch");
  }
  if (options.load_best_at_end && options.when == When::kNever) {
    return invalid_input("load_best_model_at_end: needs eval_strategy steps or epoch");
  }
  return options;
}

Result<CheckpointOptions> read_checkpoint(const Json& config) {
  CheckpointOptions options;
  options.when = TRY(get_when(config, "save_strategy", "steps"));
  options.steps = TRY(get_double_or(config, "save_steps", options.steps));
  options.limit = TRY(get_optional_int(config, "save_total_limit"));
  options.only_model = TRY(get_bool_or(config, "save_only_model", false));
  const Json* resume = find(config, "resume_from_checkpoint");
  if (resume != nullptr && resume->is_boolean()) {
    options.resume = resume->get<bool>() ? "true" : "";
  } else {
    options.resume = TRY(get_string_or(config, "resume_from_checkpoint", ""));
    if (options.resume == "True") options.resume = "true";
    if (options.resume == "false" || options.resume == "False") options.resume = "";
  }
  options.overwrite = TRY(get_bool_or(config, "overwrite_output_dir", false));
  return options;
}

}  // namespace

Result<TrainingOptions> read_training_options(const Json& config) {
  TrainingOptions options;
  options.logging_steps = TRY(get_double_or(config, "logging_steps", 10));
  options.log_first_step = TRY(get_bool_or(config, "logging_first_step", false));
  options.batch = TRY(read_batch(config));
  options.optimisation = TRY(read_optimisation(config));
  options.evaluation = TRY(read_evaluation(config, options.logging_steps));
  options.checkpoint = TRY(read_checkpoint(config));
  const std::string recompute = TRY(get_string_or(config, "recompute", "auto"));
  if (recompute != "auto" && recompute != "always" && recompute != "never") {
    return invalid_input("recompute: {} is unknown; use auto, always or never", recompute);
  }
  if (recompute == "always") options.recompute = RecomputeChoice::kAlways;
  if (recompute == "never" || !TRY(get_bool_or(config, "gradient_checkpointing", true))) {
    options.recompute = RecomputeChoice::kNever;
  }
  options.seed = static_cast<uint64_t>(TRY(get_int_or(config, "seed", 42)));
  options.data_seed = static_cast<uint64_t>(
      TRY(get_int_or(config, "data_seed", static_cast<int64_t>(options.seed))));
  options.threads = TRY(get_int_or(config, "threads", 0));
  options.allow_skipped_rows = TRY(get_bool_or(config, "allow_skipped_rows", false));
  return options;
}

int64_t interval_steps(double value, int64_t total_steps) {
  if (value >= 1) return static_cast<int64_t>(value);
  return std::max<int64_t>(
      1, static_cast<int64_t>(std::ceil(value * static_cast<double>(total_steps))));
}

}  // namespace attune::engine::train
