#include "base/file.h"
#include "base/json_file.h"
#include "base/log.h"
#include "engine/train/lineage.h"
#include "engine/train/rows/hindsight_data.h"
#include "engine/train/run_job.h"
#include "engine/train/sequences/hindsight_method.h"
#include "engine/train/training_run.h"

namespace attune::engine::train {
namespace {

Result<HindsightOptions> read_options(const protocol::Job& job, const TrainingOptions& training) {
  const Json& config = job.config;
  HindsightOptions options;
  options.data_seed = training.data_seed;
  options.pretrain_weight = TRY(get_double_or(config, "pretrain_loss_weight", 1.5));
  const int64_t chains = training.batch.rows_per_batch * training.batch.accumulation;
  options.pretrain_rows = TRY(get_int_or(config, "pretrain_rows_per_step", 4 * chains));
  options.forgetful.low = TRY(get_double_or(config, "fcm_min_ratio", 0));
  options.forgetful.high = TRY(get_double_or(config, "fcm_max_ratio", 0));
  if (options.forgetful.low > options.forgetful.high) {
    return invalid_input("fcm_min_ratio: {} is more than fcm_max_ratio ({})",
                         options.forgetful.low, options.forgetful.high);
  }
  return options;
}

// Sample prompts ask as `generate --hindsight` does.
Result<protocol::Job> with_marked_samples(protocol::Job job,
                                          const data::HindsightTemplates& templates, bool chat) {
  const Json* prompts = find(job.config, "sample_prompts");
  if (prompts == nullptr || !prompts->is_array()) return job;
  for (Json& prompt : job.config["sample_prompts"]) {
    if (!prompt.is_string()) continue;  // the common options say what is wrong
    const auto text = prompt.get<std::string>();
    if (chat) {
      const data::Messages asked{{"user", text, {{"role", "user"}, {"content", text}}}};
      prompt = data::with_marker(asked, data::positive_marker(templates)).back().content;
    } else {
      prompt = data::hindsight_prompt(templates, text);
    }
  }
  return job;
}

Result<bool> has_template(const protocol::Job& job) {
  const auto files = TRY(weights::ModelFiles::open(job.model));
  return !TRY(load_run_text(files, job.config, job.adapter)).chat_template.empty();
}

}  // namespace

Status run_hindsight(const protocol::Job& given) {
  const auto templates = TRY(read_chain_options(given.config, {})).templates;
  const bool chat = TRY(has_template(given));
  const protocol::Job job = TRY(with_marked_samples(given, templates, chat));
  TrainingRun run = TRY(TrainingRun::prepare(job));
  const HindsightOptions options = TRY(read_options(job, run.options()));
  HindsightData data;
  const ModelLimits limits{run.config().vocabulary, run.config().context};
  const Status loaded = load_hindsight_data(job, run.text(), limits, run.options(), &data);
  // Also when too many rows cannot be used: it says which.
  TRY(write_json_file(join_path(job.output_dir, "data_report.json"), data.report()));
  TRY(loaded);
  TRY(write_lineage(job, data.chains.train_report.guidelines()));
  log_info("{} chains of {} judged rows", data.chains.train.size(),
           data.chains.train_report.rows_kept());
  TRY(run.load_model());
  HindsightMethod method(run.decoder(), run.adapters(), options,
                         {std::move(data.chains.train), std::move(data.chains.evaluation),
                          std::move(data.pretraining)});
  return run.train(method, [&](const std::string& folder) {
    // What `attune generate --hindsight` asks the model with.
    return write_json_file(join_path(folder, "hindsight.json"), data::to_json(templates));
  });
}

}  // namespace attune::engine::train
