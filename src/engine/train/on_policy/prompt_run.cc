#include "engine/train/on_policy/prompt_run.h"

#include "base/file.h"
#include "base/json_file.h"
#include "engine/train/lineage.h"

namespace attune::engine::train {

Result<PromptData> read_prompts(const protocol::Job& job, const TrainingRun& run,
                                int64_t answer_length) {
  PromptRowOptions limits;
  limits.room = answer_length;
  limits.vocabulary = run.config().vocabulary;
  limits.context = run.config().context;
  PromptData data;
  const Status loaded = load_prompt_data(job, run.text(), limits, run.options(), &data);
  // Also when too many rows cannot be used: it says which.
  TRY(write_json_file(join_path(job.output_dir, "data_report.json"), data.report()));
  TRY(loaded);
  TRY(write_lineage(job, data.train_report.guidelines()));
  return data;
}

RewardHost reward_host(const protocol::Job& job, TrainingRun& run) {
  RewardHost host{run.device()};
  for (const auto& [option, model] : job.models) {
    if (!model.adapter.empty()) host.bases[model.adapter] = model.model;
  }
  if (run.adapters().empty()) return host;
  host.trunk = &run.decoder();
  host.base = job.model;
  return host;
}

Result<RolloutOptions> read_sampling(const Json& config, const TrainingOptions& options) {
  RolloutOptions rollout;
  rollout.temperature = TRY(get_double_or(config, "temperature", 1));
  if (rollout.temperature <= 0) {
    return invalid_input("temperature: is {}; sampling needs more than 0", rollout.temperature);
  }
  rollout.top_k = TRY(get_int_or(config, "top_k", 0));
  rollout.top_p = TRY(get_double_or(config, "top_p", 1));
  rollout.min_p = TRY(get_double_or(config, "min_p", 0));
  rollout.repetition_penalty = TRY(get_double_or(config, "repetition_penalty", 1));
  rollout.rows_max = TRY(get_int_or(config, "rollout_rows_max", 64));
  rollout.seed = options.seed;
  return rollout;
}

}  // namespace attune::engine::train
