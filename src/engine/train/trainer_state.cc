// The Trainer's evaluation, checkpoints and end (trainer.h).
#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "base/file.h"
#include "base/log.h"
#include "engine/comm/agreement.h"
#include "engine/tensor/guarded.h"
#include "engine/train/interrupt.h"
#include "engine/train/tensor_file.h"
#include "engine/train/trainer.h"

#include <c10/core/GradMode.h>

namespace attune::engine::train {

Status Trainer::evaluate() {
  const auto started = std::chrono::steady_clock::now();
  const int64_t count = method_.row_count(Split::kEvaluation);
  std::vector<int64_t> rows(static_cast<size_t>(count));
  std::iota(rows.begin(), rows.end(), 0);
  std::map<std::string, double> metrics;
  if (count > 0) {
    c10::NoGradGuard no_grad;
    const auto own = run_guarded({fmt::format("evaluation after step {}", progress_.step), {}},
                                 [&] { return method_.evaluate(); });
    const Status common = comm::agree(ranks_, own.ok() ? Status() : own.error());
    progress_.owes_evaluation = !common.ok();
    if (!common.ok()) return keep_progress(common.error());
    Measured measured;
    if (*own) {
      measured.metrics = **own;
    } else {
      Random seeds(setup_.options.seed, static_cast<uint64_t>(progress_.step));
      measured = TRY(accumulate(Split::kEvaluation, rows, seeds));
      metrics["eval_loss"] = measured.loss;
    }
    for (const auto& [name, value] : measured.metrics) metrics["eval_" + name] = value;
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
  OrderedJson fields = {{"step", progress_.step}};
  for (const auto& [name, value] : metrics) fields[name] = value;
  fields["seconds"] = elapsed.count();
  TRY(record("eval", fields));
  const std::string& shown = setup_.options.evaluation.best_metric;
  if (metrics.contains(shown)) {
    log_info("step {}  {} {:.4f}", progress_.step,
             shown == "eval_loss" ? "evaluation loss" : shown, metrics[shown]);
  }
  progress_.evaluated_step = progress_.step;
  TRY(write_samples());
  if (progress_.step == 0) return {};
  return judge(metrics);
}

// Keeps the best metric and counts evaluations without gain, as Transformers'
// EarlyStoppingCallback.
Status Trainer::judge(const std::map<std::string, double>& metrics) {
  const EvaluationOptions& options = setup_.options.evaluation;
  const auto found = metrics.find(options.best_metric);
  if (found == metrics.end()) {
    const bool wanted = options.load_best_at_end || options.patience ||
                        setup_.options.checkpoint.when == When::kBest;
    if (!wanted) return {};
    std::string known;
    for (const auto& [name, value] : metrics) known += (known.empty() ? "" : ", ") + name;
    return invalid_input("metric_for_best_model: {} is not measured; use one of {}",
                         options.best_metric, known);
  }
  const double value = found->second;
  const bool first = !progress_.best_metric.has_value();
  const double gain = first ? 0
                            : (options.greater_is_better ? value - *progress_.best_metric
                                                         : *progress_.best_metric - value);
  if (first || gain > options.threshold) {
    progress_.evaluations_without_gain = 0;
  } else {
    ++progress_.evaluations_without_gain;
  }
  if (first || gain > 0) {
    progress_.best_metric = value;
    progress_.best_step = progress_.step;
  }
  if (options.patience && progress_.evaluations_without_gain >= *options.patience) {
    log_info("stopping early: {} has not improved for {} evaluations", options.best_metric,
             progress_.evaluations_without_gain);
    stop_early_ = true;
  }
  return {};
}

Json Trainer::state() const {
  Json state = {{"step", progress_.step},
                {"tokens", progress_.tokens},
                {"total_steps", total_steps_},
                {"seed", setup_.options.seed},
                {"data_seed", setup_.options.data_seed},
                {"evaluations_without_gain", progress_.evaluations_without_gain},
                {"stopped_early", stop_early_},
                {"plan", setup_.plan.to_json()},
                {"config", setup_.config},
                {"rows", method_.fingerprint()},
                {"method", method_.state()}};
  // Bits, not digits: resuming must compare with the very same number.
  if (progress_.best_metric) state["best_metric"] = *progress_.best_metric;
  if (progress_.best_step) state["best_step"] = *progress_.best_step;
  if (progress_.evaluated_step) state["evaluated_step"] = *progress_.evaluated_step;
  if (progress_.owes_evaluation) state["owes_evaluation"] = true;
  return state;
}

Status Trainer::save_checkpoint() {
  if (saved_step_ == progress_.step) return {};
  const bool only_model = setup_.options.checkpoint.only_model;
  std::vector<optim::NamedTensor> optimizer;
  if (!only_model) optimizer = TRY(whole_optimizer_state());
  const auto write = [&](const std::string& folder) -> Status {
    TRY(save_tensors(join_path(folder, "parameters.safetensors"), setup_.parameters));
    if (only_model) return {};
    if (const auto tensors = method_.state_tensors(); !tensors.empty()) {
      TRY(save_tensors(join_path(folder, "method.safetensors"), tensors));
    }
    return save_tensors(join_path(folder, "optimizer.safetensors"), optimizer);
  };
  const bool writes = ranks_.is_first();
  TRY(comm::agree(ranks_, writes ? checkpoints_.save(progress_.step, state(), write) : Status()));
  saved_step_ = progress_.step;
  if (!ranks_.is_first()) return {};
  TRY(record("checkpoint", {{"step", progress_.step},
                            {"path", checkpoints_.folder_of(progress_.step)}}));
  const bool keeps_best = setup_.options.evaluation.load_best_at_end ||
                          setup_.options.checkpoint.when == When::kBest;
  return checkpoints_.prune(setup_.options.checkpoint.limit,
                            keeps_best ? progress_.best_step : std::nullopt);
}

// The error to end the run with: where another program failed (a reward), after what was learnt so
// far is kept.
Error Trainer::keep_progress(const Error& error) {
  const bool outside = error.code() == ErrorCode::kUnavailable;
  const bool saves = setup_.options.checkpoint.when != When::kNever && progress_.step > 0;
  if (!outside || !saves) return error;
  if (const Status saved = save_checkpoint(); !saved.ok()) {
    return make_error(error.code(), "{}; the checkpoint of step {} could not be written: {}",
                      error.message(), progress_.step, saved.error().message());
  }
  const char* advice = setup_.options.checkpoint.only_model
                           ? "but save_only_model: true leaves out what a run needs to go on; set "
                             "it to false to be able to resume"
                           : "go on with resume_from_checkpoint: true";
  return make_error(error.code(), "{}; the checkpoint of step {} was written, {}",
                    error.message(), progress_.step, advice);
}

Status Trainer::resume_from(const StoredCheckpoint& checkpoint) {
  const Json& state = checkpoint.state;
  if (TRY(get_string(state, "rows")) != method_.fingerprint()) {
    return invalid_input(
        "{}: was trained on other rows (files, tokenizer, lengths or packing changed); resume with "
        "the same data, or start a new run in another output_dir",
        checkpoint.folder);
  }
  TRY(load_into(join_path(checkpoint.folder, "parameters.safetensors"), setup_.parameters));
  const auto tensors =
      TRY(load_tensors(join_path(checkpoint.folder, "optimizer.safetensors")));
  TRY(optimizer_->load_state(tensors));
  if (const Json* method = find(state, "method")) TRY(method_.load_state(*method));
  if (const auto own = method_.state_tensors(); !own.empty()) {
    TRY(load_into(join_path(checkpoint.folder, "method.safetensors"), own));
  }
  progress_.step = TRY(get_int(state, "step"));
  progress_.tokens = TRY(get_int(state, "tokens"));
  progress_.evaluations_without_gain = TRY(get_int(state, "evaluations_without_gain"));
  stop_early_ = TRY(get_bool(state, "stopped_early"));
  if (find(state, "best_metric") != nullptr) {
    progress_.best_metric = TRY(get_double(state, "best_metric"));
    progress_.best_step = TRY(get_int(state, "best_step"));
  }
  if (find(state, "evaluated_step") != nullptr) {
    progress_.evaluated_step = TRY(get_int(state, "evaluated_step"));
  }
  // The resumed run may have been told to evaluate no more.
  progress_.owes_evaluation = setup_.options.evaluation.when != When::kNever &&
                              TRY(get_bool_or(state, "owes_evaluation", false));
  saved_step_ = progress_.step;
  log_info("resuming after step {} of {} from {}", progress_.step, total_steps_,
           checkpoint.folder);
  return {};
}

Status Trainer::finish(TrainingOutcome* outcome) {
  outcome->steps = progress_.step;
  outcome->stopped_early = stop_early_;
  if (outcome->interrupted) {
    TRY(save_checkpoint());
    return record("interrupted",
                       {{"step", progress_.step}, {"signal", interrupt_signal()}});
  }
  if (setup_.options.evaluation.load_best_at_end && progress_.best_step &&
      *progress_.best_step != progress_.step) {
    outcome->best_step = progress_.best_step;
    const StoredCheckpoint best =
        TRY(CheckpointStore::open(checkpoints_.folder_of(*progress_.best_step)));
    TRY(load_into(join_path(best.folder, "parameters.safetensors"), setup_.parameters));
    log_info("the best checkpoint is that of step {} ({} {:.4f})", *progress_.best_step,
             setup_.options.evaluation.best_metric, *progress_.best_metric);
  }
  if (progress_.evaluated_step != progress_.step || outcome->best_step) TRY(write_samples());
  OrderedJson end = {{"step", progress_.step}, {"num_tokens", progress_.tokens}};
  if (progress_.best_step) end["best_step"] = *progress_.best_step;
  if (stop_early_) end["stopped_early"] = true;
  return record("end", end);
}

}  // namespace attune::engine::train
