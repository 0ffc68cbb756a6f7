#include <algorithm>
#include <utility>

#include "engine/train/on_policy/gold_reward.h"
#include "engine/train/on_policy/ppo_method.h"
#include "engine/train/on_policy/ppo_models.h"
#include "engine/train/on_policy/ppo_options.h"
#include "engine/train/on_policy/prompt_run.h"
#include "engine/train/on_policy/reward_sources.h"
#include "engine/train/run_job.h"
#include "engine/train/training_run.h"

namespace attune::engine::train {
namespace {

// TRL counts a run in episodes, the trainer in steps; and what ranks checkpoints is a reward.
Result<protocol::Job> with_defaults(protocol::Job job) {
  Json& config = job.config;
  if (find(config, "total_episodes") != nullptr && TRY(get_int_or(config, "max_steps", -1)) < 1) {
    const int64_t episodes = TRY(get_int(config, "total_episodes"));
    const int64_t step = TRY(get_int_or(config, "per_device_train_batch_size", 8)) *
                         TRY(get_int_or(config, "gradient_accumulation_steps", 1)) *
                         std::max(comm::launched_ranks(), 1) *
                         TRY(get_int_or(config, "samples_per_prompt", 1));
    config["max_steps"] = (episodes + step - 1) / step;
  }
  if (find(config, "metric_for_best_model") == nullptr) {
    config["metric_for_best_model"] = "eval_objective/rlhf_reward";
  }
  return job;
}

Result<std::vector<int32_t>> read_stop_ids(const Json& config, const TrainingRun& run) {
  if (find(config, "stop_token_id") != nullptr) {
    const int64_t id = TRY(get_int(config, "stop_token_id"));
    if (id < 0 || id >= run.config().vocabulary) {
      return invalid_input("stop_token_id: {} is no id of the model's vocabulary of {}", id,
                           run.config().vocabulary);
    }
    return std::vector<int32_t>{static_cast<int32_t>(id)};
  }
  const std::string name = TRY(get_string_or(config, "stop_token", "eos"));
  if (name == "none") return std::vector<int32_t>();
  if (name != "eos") return invalid_input("stop_token: {} is unknown; use eos or none", name);
  std::vector<int32_t> ids = run.stop_ids();
  if (!ids.empty()) return ids;
  return invalid_input("stop_token: eos: the model names no end-of-sequence token; set eos_token, "
                       "stop_token_id, or stop_token: none");
}

Result<PpoOptions> read_options(const protocol::Job& job, const TrainingRun& run) {
  PpoOptions options = TRY(read_ppo_options(job.config));
  options.rollout.seed = run.options().seed;
  options.rollout.stop_ids = TRY(read_stop_ids(job.config, run));
  if (options.rollout.stop_ids.empty() &&
      options.eos_rule.kind != objectives::EosRule::kNone) {
    return invalid_input("stop_token: none: without one no answer ever ends, and eos_rule or "
                         "missing_eos_penalty would judge them all alike; leave one of them out");
  }
  if (options.ema > 0 && run.options().evaluation.load_best_at_end) {
    return invalid_input("ema: averages the weights of the whole run, and load_best_model_at_end "
                         "takes those of one step; set one of them");
  }
  const BatchOptions batch = run.batch_of_ranks();
  const int64_t rows = batch.rows_per_batch * batch.accumulation;
  if (options.minibatches > rows) {
    return invalid_input("num_mini_batches: {} are more than the {} prompts of a step",
                         options.minibatches, rows);
  }
  return options;
}

Result<std::vector<SftRow>> read_pretraining(const protocol::Job& job, const TrainingRun& run) {
  const auto files = job.further_files.find("ptx_dataset_name");
  if (files == job.further_files.end()) {
    return invalid_input("ptx_coefficient: needs the rows to learn from; set ptx_dataset_name");
  }
  std::optional<text::ChatTemplate> chat_template;
  if (!run.text().chat_template.empty()) {
    chat_template = TRY(text::ChatTemplate::parse(run.text().chat_template));
  }
  SftRowOptions options;
  options.text_field = TRY(get_string_or(job.config, "dataset_text_field", "text"));
  options.max_length = TRY(get_int_or(job.config, "ptx_max_length", 1024));
  options.vocabulary = run.config().vocabulary;
  options.context = run.config().context;
  DataReport report;
  auto rows = TRY(read_sft_rows(files->second,
                                SftTokenizer(run.text().tokenizer, chat_template, options),
                                &report));
  TRY(report.check("pretraining data", run.options().allow_skipped_rows));
  return rows;
}

}  // namespace

Status run_ppo(const protocol::Job& given) {
  const protocol::Job job = TRY(with_defaults(given));
  TrainingRun run = TRY(TrainingRun::prepare(job));
  PpoSetup setup;
  setup.options = TRY(read_options(job, run));
  PromptData data = TRY(read_prompts(job, run, setup.options.rollout.response_length));
  if (setup.options.ptx_weight > 0) setup.pretraining = TRY(read_pretraining(job, run));
  TRY(run.load_model());
  const RewardHost host = reward_host(job, run);
  const auto reward = TRY(open_rewards(job.config, run.text().tokenizer, host));
  const auto gold = TRY(open_gold(job.config, run, host, data.evaluation.size()));
  PpoModels models = TRY(load_ppo_models(job, run));
  setup.options.rollout.adapters = run.adapters();
  setup.reward = reward.get();
  setup.gold = gold.get();
  setup.roles = std::move(models.roles);
  capture_values(&setup);
  setup.save_value = models.save_value;
  setup.policy_parameters = run.parameters();
  setup.train = std::move(data.train);
  setup.evaluation = std::move(data.evaluation);
  setup.answer = [&run, options = setup.options.rollout](const std::vector<PromptRow>& prompts,
                                                         const std::vector<int64_t>& rows,
                                                         int64_t step, const RowShare& share) {
    return make_rollouts(run.decoder(), run.text().tokenizer, prompts, rows, step, options, share);
  };
  PpoMethod method(std::move(setup));
  return run.train(method);
}

}  // namespace attune::engine::train
