#include "engine/train/training_run.h"

#include <algorithm>

#include "base/file.h"
#include "base/log.h"
#include "data/tokenized.h"
#include "engine/comm/nccl_communicator.h"
#include "engine/generate/generator.h"
#include "engine/ops/matrix_product.h"
#include "engine/tensor/arena.h"
#include "engine/tensor/cpu_features.h"
#include "engine/tensor/device.h"
#include "engine/tensor/guarded.h"
#include "engine/tensor/threads.h"
#include "engine/train/trainer.h"

namespace attune::engine::train {
namespace {

// A device that was asked for and cannot be had is an error, not a slow run. Of several ranks of a
// machine each has a GPU of its own, in their order.
Result<at::Device> choose_device(const Json& config, const comm::Communicator& ranks) {
  const std::string name = TRY(get_string_or(config, "device", "auto"));
  const at::Device device = TRY(parse_device(name));
  const bool numbered = name.find(':') != std::string::npos;
  if (device.is_cpu() || numbered || ranks.size() == 1) return device;
  return TRY(parse_device(fmt::format("cuda:{}", ranks.rank_here())));
}

// Whether a run directory's earlier run may be gone on with or must be refused.
Result<std::optional<StoredCheckpoint>> find_resume(const std::string& run_directory,
                                                    const CheckpointOptions& options) {
  const CheckpointStore store(run_directory);
  if (options.resume.empty()) {
    const std::string final_folder = join_path(run_directory, "final");
    if ((!store.steps().empty() || exists(final_folder)) && !options.overwrite) {
      return usage_error(
          "{}: holds an earlier run; set resume_from_checkpoint: true to go on with it, or "
          "overwrite_output_dir: true to start anew",
          run_directory);
    }
    return std::optional<StoredCheckpoint>();
  }
  if (options.resume == "true") {
    auto newest = TRY(store.newest());
    if (!newest)
      log_warning("{}: has no checkpoint yet; starting from the beginning", run_directory);
    return newest;
  }
  StoredCheckpoint checkpoint = TRY(CheckpointStore::open(options.resume));
  if (!checkpoint.has_optimizer) {
    return invalid_input("{}: was saved without optimiser state (save_only_model)", options.resume);
  }
  return std::optional<StoredCheckpoint>(std::move(checkpoint));
}

// What an earlier run left where this one starts anew.
Status remove_earlier(const std::string& run_directory) {
  for (const char* name : {"checkpoints", "final", "value"}) {
    TRY(remove_all(join_path(run_directory, name)));
  }
  return {};
}

// One warning that names the options which are no longer what the checkpoint was trained with.
void warn_about_changes(const Json& stored, const Json& current) {
  const std::vector<std::string> free_to_change = {
      "output_dir", "overwrite_output_dir", "resume_from_checkpoint", "save_steps", "threads",
      "save_strategy", "save_total_limit", "logging_steps", "run_name"};
  std::string changed;
  for (const auto& [key, value] : current.items()) {
    const bool may = std::find(free_to_change.begin(), free_to_change.end(), key) !=
                     free_to_change.end();
    if (may || (stored.contains(key) && stored[key] == value)) continue;
    changed += (changed.empty() ? "" : ", ") + key;
  }
  if (!changed.empty()) {
    log_warning("options changed since the checkpoint ({}); the run goes on with the new values",
                changed);
  }
}

Result<std::optional<Plan>> stored_plan(const std::optional<StoredCheckpoint>& resume) {
  if (!resume) return std::optional<Plan>();
  const Json* json = find(resume->state, "plan");
  if (json == nullptr) return invalid_input("{}: has no plan", resume->folder);
  const Plan plan = TRY(Plan::from_json(*json));
  for (const std::string& difference :
       differences(plan, available_cores(), cpu_features().name)) {
    log_warning("the resumed run will differ in its last bits: {}", difference);
  }
  return std::optional<Plan>(plan);
}

// Answers to the sample prompts, greedy, as conversations when the model has a template.
Result<std::vector<std::string>> answer_samples(const TrainingModel& model, const RunText& text,
                                                const EvaluationOptions& options,
                                                const weights::ModelFiles& files) {
  const auto examples = TRY(data::ExampleTokenizer::make(text.tokenizer, text.chat_template));
  std::vector<std::vector<int32_t>> prompts;
  for (const std::string& prompt : options.sample_prompts) {
    data::Content content = prompt;
    if (examples.has_chat_template()) {
      content = data::Messages{{"user", prompt, {{"role", "user"}, {"content", prompt}}}};
    }
    prompts.push_back(TRY(examples.prompt(content, {})));
  }
  generate::GenerateRequest request;
  request.max_new_tokens = options.sample_max_new_tokens;
  request.adapters = model.adapters;
  request.continues_text = !examples.has_chat_template();
  generate::GeneratorOptions generator;
  generator.eos_ids = stop_ids(text, files);
  const auto completions = TRY(
      generate::generate_texts(*model.decoder, text.tokenizer, prompts, request, generator));
  std::vector<std::string> answers;
  for (const auto& samples : completions) answers.push_back(samples.at(0).text);
  return answers;
}

std::string name_of(ops::ProductKind kind) {
  return kind == ops::ProductKind::kOwn ? "own" : "library";
}

Plan plan_of(const TrainingOptions& options, const TrainingModel& model, Method& method,
             int64_t threads) {
  const at::Device device = model.decoder->device();
  const std::vector<optim::NamedTensor> own = method.parameters();
  MemoryNeed need;
  need.state_bytes = model.state_bytes();
  need.activation_bytes_per_token =
      activation_bytes_per_token(model.decoder->config(), !model.adapters.empty());
  if (!device.is_cpu()) {  // LibTorch's operators keep more than our kernels: seen, 2.5 times
    need.activation_bytes_per_token = need.activation_bytes_per_token * 5 / 2;
    need.prefers_wide_passes = true;
  }
  for (int64_t row = 0; row < method.row_count(Split::kTrain); ++row) {
    need.longest_row = std::max(need.longest_row, method.row_tokens(Split::kTrain, row));
  }
  for (const optim::NamedTensor& parameter : own) need.state_bytes += state_bytes_of(parameter);
  Plan plan = make_plan(options, need, free_memory_bytes(device));
  plan.dtype = model.dtype;
  plan.cpu = cpu_features().name;
  plan.threads = threads;
  plan.products = name_of(ops::product_kind());
  log_info("{} trainable tensors in {} on {}, passes of at most {} tokens, recompute {}, "
           "{} threads, products by {}",
           model.parameters.size() + own.size(), plan.dtype, device.str(),
           plan.max_tokens_per_batch,
           plan.recompute ? "on" : "off", plan.threads,
           plan.products == "own" ? "our kernel" : "LibTorch's library");
  return plan;
}

}  // namespace

Result<TrainingRun> TrainingRun::prepare(const protocol::Job& job) {
  auto ranks = TRY(comm::connect());
  if (!ranks->is_first()) set_log_level(LogLevel::kError);  // the first one speaks for all
  TrainingOptions options = TRY(read_training_options(job.config));
  const at::Device device = TRY(choose_device(job.config, *ranks));
  const bool tf32 = TRY(get_bool_or(job.config, "tf32", false));
  if (device.is_cpu() && tf32) log_warning("tf32: no effect on the CPU");
  if (!device.is_cpu()) {
    allow_tf32(tf32);
    ranks = TRY(comm::over_nccl(std::move(ranks), device));
  }
  auto resume = TRY(find_resume(job.output_dir, options.checkpoint));
  std::optional<Plan> planned = TRY(stored_plan(resume));
  if (resume) warn_about_changes(resume->state.value("config", Json::object()), job.config);
  weights::ModelFiles files = TRY(weights::ModelFiles::open(job.model));
  RunText text = TRY(load_run_text(files, job.config, job.adapter));
  models::DecoderConfig config = TRY(models::decoder_config(files.config()));
  return TrainingRun(std::move(ranks), device, job, std::move(options), std::move(resume),
                     std::move(planned), std::move(files), std::move(text), std::move(config));
}

Status TrainingRun::load_model(ModelRole role) {
  install_arena();
  int64_t wanted = planned_ ? planned_->threads : options_.threads;
  if (wanted == 0 && ranks_->size() > 1) {
    wanted = std::max<int64_t>(1, available_cores() / ranks_->ranks_here());
  }
  threads_ = set_compute_threads(static_cast<int>(wanted));
  agree_on_products();
  model_ = TRY(run_guarded({"loading " + job_.model, {}}, [&]() -> Result<TrainingModel> {
    return load_training_model(job_, files_, device_, planned_ ? planned_->dtype : "", role);
  }));
  return {};
}

// The stored plan's matrix products, or what the first rank's probe finds: with another kernel a
// rank would add up its numbers in another order.
void TrainingRun::agree_on_products() {
  std::string kind = planned_ ? planned_->products : "";
  if (!planned_ && ranks_->is_first()) kind = name_of(ops::product_kind());
  kind = ranks_->all_gather(kind)[0];
  ops::set_product_kind(kind == name_of(ops::ProductKind::kOwn) ? ops::ProductKind::kOwn
                                                                : ops::ProductKind::kLibrary);
}

Status TrainingRun::train(Method& method, const FolderFinish& finish) {
  CHECK(model_.decoder != nullptr, "training before load_model()");
  TrainerSetup setup;
  setup.run_directory = job_.output_dir;
  setup.config = job_.config;
  setup.options = options_;
  setup.plan = TRY(common_plan(method));
  setup.communicator = ranks_.get();
  setup.parameters = model_.parameters;
  for (optim::NamedTensor& parameter : method.parameters()) setup.parameters.push_back(parameter);
  setup.resume = resume_;
  if (!options_.evaluation.sample_prompts.empty()) {
    setup.samples = [&] { return answer_samples(model_, text_, options_.evaluation, files_); };
  }
  auto trainer = TRY(Trainer::create(std::move(setup), method));
  const bool anew = options_.checkpoint.resume.empty();
  if (anew && ranks_->is_first()) TRY(remove_earlier(job_.output_dir));
  const TrainingOutcome outcome = TRY(trainer->run());
  if (outcome.interrupted) {
    return Error(ErrorCode::kCancelled,
                 fmt::format("stopped by a signal after step {}; a checkpoint was written, go on "
                             "with resume_from_checkpoint: true",
                             outcome.steps));
  }
  if (!ranks_->is_first()) return {};
  TRY(run_guarded({"the end of the run", {}}, [&] { return method.finish(job_.output_dir); }));
  return save_final(finish);
}

// The stored plan, or the first rank's: all ranks compute alike.
Result<Plan> TrainingRun::common_plan(Method& method) {
  const Plan plan = planned_ ? *planned_ : plan_of(options_, model_, method, threads_);
  if (ranks_->size() == 1) return plan;
  return Plan::from_json(TRY(parse_json(ranks_->all_gather(plan.to_json().dump())[0])));
}

Status TrainingRun::save_final(const FolderFinish& finish) {
  const std::string folder = join_path(job_.output_dir, "final");
  if (model_.adapters.empty()) {
    return save_model_folder(folder, files_, text_, *model_.decoder, finish);
  }
  return save_adapter_folder(folder, files_, text_, *model_.decoder, kTrainedAdapter, finish);
}

}  // namespace attune::engine::train
