#include "engine/train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/file.h"
#include "base/log.h"
#include "engine/comm/agreement.h"
#include "engine/optim/gradients.h"
#include "engine/tensor/guarded.h"
#include "engine/train/interrupt.h"
#include "engine/train/packing.h"
#include "engine/train/tensor_file.h"

namespace attune::engine::train {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Rows in passes of at most `capacity` tokens, in the rows' own order within a pass.
std::vector<std::vector<int64_t>> cut_into_passes(const Method& method, Split split,
                                                  const std::vector<int64_t>& rows,
                                                  int64_t capacity) {
  std::vector<int64_t> lengths;
  for (int64_t row : rows) lengths.push_back(method.row_tokens(split, row));
  std::vector<std::vector<int64_t>> passes = best_fit_decreasing(lengths, capacity);
  for (std::vector<int64_t>& pass : passes) {
    std::sort(pass.begin(), pass.end());
    for (int64_t& item : pass) item = rows[static_cast<size_t>(item)];
  }
  return passes;
}

optim::OptimizerOptions optimizer_options(const OptimisationOptions& options) {
  optim::OptimizerOptions result;
  result.weight_decay = options.weight_decay;
  result.beta1 = options.beta1;
  result.beta2 = options.beta2;
  result.epsilon = options.epsilon;
  if (options.epsilon_form == "tf1") result.epsilon_form = optim::EpsilonForm::kTf1;
  return result;
}

}  // namespace

Result<std::unique_ptr<Trainer>> Trainer::create(TrainerSetup setup, Method& method) {
  const int64_t rows = method.row_count(Split::kTrain);
  CHECK(rows > 0, "a trainer without rows");
  std::vector<int64_t> lengths;
  for (int64_t row = 0; row < rows; ++row) lengths.push_back(method.row_tokens(Split::kTrain, row));
  std::unique_ptr<comm::Communicator> alone;
  if (setup.communicator == nullptr) {
    alone = comm::single_process();
    setup.communicator = alone.get();
  }
  if (setup.communicator->size() > 1) method.join(*setup.communicator);
  Sampler sampler(batch_of_ranks(setup.options.batch, setup.communicator->size()),
                  setup.options.data_seed, std::move(lengths));

  const OptimisationOptions& optimisation = setup.options.optimisation;
  const optim::Schedule schedule =
      TRY(optim::Schedule::create({.type = optimisation.schedule,
                                   .total_steps = sampler.total_steps(),
                                   .warmup_steps = optimisation.warmup_steps,
                                   .min_lr_rate = optimisation.min_lr_rate}));
  optim::OptimizerOptions options = optimizer_options(optimisation);
  options.kind = TRY(optim::parse_optimizer_kind(optimisation.optimizer));
  if (setup.options.evaluation.when != When::kNever && method.row_count(Split::kEvaluation) == 0) {
    return invalid_input(
        "eval_strategy: there are no evaluation rows; give eval_dataset_name, a test split or "
        "eval_fraction");
  }
  std::unique_ptr<Trainer> trainer(
      new Trainer(std::move(setup), method, std::move(sampler), schedule, std::move(alone)));
  trainer->share_parameters(options);
  return trainer;
}

Trainer::Trainer(TrainerSetup setup, Method& method, Sampler sampler, optim::Schedule schedule,
                 std::unique_ptr<comm::Communicator> alone)
    : setup_(std::move(setup)),
      alone_(std::move(alone)),
      ranks_(*setup_.communicator),
      method_(method),
      sampler_(std::move(sampler)),
      schedule_(schedule),
      total_steps_(sampler_.total_steps()),
      checkpoints_(setup_.run_directory) {}

Result<TrainingOutcome> Trainer::run() {
  const InterruptScope interrupts;
  Result<TrainingOutcome> outcome = train();
  if (!outcome.ok() && log_ != nullptr) {  // for those who watch; the error itself goes on
    (void)log_->write("failed",
                      {{"step", progress_.step}, {"message", outcome.error().message()}});
  }
  return outcome;
}

Result<TrainingOutcome> Trainer::train() {
  TRY(begin());
  TrainingOutcome outcome;
  while (progress_.step < total_steps_ && !stop_early_) {
    TRY(train_step());
    if (interrupted() && progress_.step < total_steps_) {
      outcome.interrupted = true;
      break;
    }
  }
  TRY(finish(&outcome));
  return outcome;
}

Status Trainer::begin() {
  if (setup_.resume) TRY(resume_from(*setup_.resume));
  if (ranks_.is_first()) {
    TRY(checkpoints_.prune({}, {}));  // what a killed run left half-written
    log_ = TRY(RunLog::open(setup_.run_directory, progress_.step, setup_.resume.has_value()));
    if (setup_.resume && !log_->has_checkpoint()) {  // killed between the checkpoint and its line
      TRY(record("checkpoint", {{"step", progress_.step}, {"path", setup_.resume->folder}}));
    }
  }
  OrderedJson start = {{"step", progress_.step},
                       {"total_steps", total_steps_},
                       {"rows", method_.row_count(Split::kTrain)},
                       {"eval_rows", method_.row_count(Split::kEvaluation)},
                       {"plan", setup_.plan.to_json()}};
  const OrderedJson about = method_.about();
  for (const auto& [name, value] : about.items()) start[name] = value;
  if (ranks_.size() > 1) start["ranks"] = ranks_.size();
  TRY(record(setup_.resume ? "resume" : "start", start));
  // What belongs to the beginning is in the log of a resumed run.
  if (setup_.resume) return progress_.owes_evaluation ? evaluate() : Status();
  if (setup_.options.evaluation.on_start) {
    TRY(evaluate());
  } else {
    TRY(write_samples());
  }
  return {};
}

// One step with everything that belongs to it.
Status Trainer::train_step() {
  const auto started = std::chrono::steady_clock::now();
  const StepRows rows = sampler_.rows_of(progress_.step);
  const double rate =
      setup_.options.optimisation.learning_rate * schedule_.factor(progress_.step);
  const StepUpdates updates = TRY(begin_step(rows));
  StepOutcome step = TRY(run_updates(updates, rate));
  step.metrics["learning_rate"] = rate;
  TRY(method_.end_step(&step.metrics));
  ++progress_.step;
  int64_t units = 0;
  for (size_t update = 0; update < step.updates; ++update) {
    for (int64_t row : updates.rows[update]) {
      progress_.tokens += method_.row_counted_tokens(updates.split, row);
      units += method_.row_units(updates.split, row);
    }
  }
  OrderedJson fields = {{"step", progress_.step},
                        {"loss", step.loss},
                        {"grad_norm", step.grad_norm},
                        {"learning_rate", rate},
                        {"num_tokens", progress_.tokens},
                        {"seconds", seconds_since(started)},
                        {"epoch", rows.epochs_done},
                        {"rows", rows.rows.size()},
                        {method_.unit_name(), units}};
  for (const auto& [name, value] : step.metrics) fields[name] = value;
  TRY(record("step", fields));
  const auto logging = interval_steps(setup_.options.logging_steps, total_steps_);
  const bool first = progress_.step == 1 && setup_.options.log_first_step;
  if (progress_.step % logging == 0 || progress_.step == total_steps_ || first) {
    log_info("step {}/{}  loss {:.4f}  grad norm {:.3f}  learning rate {:.3g}  {:.1f} s",
             progress_.step, total_steps_, step.loss, step.grad_norm, rate,
             seconds_since(started));
  }
  return after_step(rows, progress_.step == total_steps_);
}

// What the step trains on. Where another program fails here (a reward), nothing of the step has
// happened yet.
Result<StepUpdates> Trainer::begin_step(const StepRows& rows) {
  auto updates = run_guarded({fmt::format("step {}", progress_.step + 1), {}},
                             [&] { return method_.begin_step(progress_.step, rows.rows); });
  const Status common = comm::agree(ranks_, updates.ok() ? Status() : updates.error());
  if (common.ok()) return updates;
  return keep_progress(common.error());
}

// The step's optimiser updates; loss, norm and metrics are their means, next to the step's own.
Result<Trainer::StepOutcome> Trainer::run_updates(const StepUpdates& updates, double rate) {
  // Every pass has its own dropout stream, a pure function of seed, step and pass.
  Random seeds(setup_.options.seed, static_cast<uint64_t>(progress_.step));
  StepOutcome total;
  total.updates = 0;
  for (const std::vector<int64_t>& rows : updates.rows) {
    const StepOutcome update = TRY(compute_update(updates.split, rows, seeds));
    TRY(update_parameters(rate, update.grad_norm));
    ++total.updates;
    total.loss += update.loss;
    total.grad_norm += update.grad_norm;
    for (const auto& [name, value] : update.metrics) total.metrics[name] += value;
    if (!method_.after_update(update.metrics)) break;
  }
  // Without any update there was nothing to learn (method.h).
  const auto done = static_cast<double>(std::max<size_t>(total.updates, 1));
  total.loss /= done;
  total.grad_norm /= done;
  for (auto& [name, value] : total.metrics) value /= done;
  total.metrics.insert(updates.metrics.begin(), updates.metrics.end());
  return total;
}

// Gradients of an update's loss, with the loss and their norm checked before they are used.
Result<Trainer::StepOutcome> Trainer::compute_update(Split split, const std::vector<int64_t>& rows,
                                                     Random& seeds) {
  Measured measured = TRY(accumulate(split, rows, seeds));
  StepOutcome outcome{measured.loss, 0, std::move(measured.metrics), 1};
  const auto& parameters = setup_.parameters;
  const std::string where = fmt::format("step {}", progress_.step + 1);
  outcome.grad_norm = TRY(run_guarded({"gradient norm of " + where, {}}, [&] {
    return optim::grad_norm(parameters);
  }));
  if (std::isfinite(outcome.grad_norm)) return outcome;
  std::string bad;
  for (const std::string& name : optim::non_finite_gradients(parameters)) {
    bad += (bad.empty() ? "" : ", ") + name;
  }
  return invalid_input(
      "{}: the gradients are no longer numbers (in {}), with {}. Lower learning_rate or "
      "max_grad_norm, or look at these rows; nothing of this step was kept",
      where, bad.empty() ? "their norm" : bad, names_of(split, rows));
}

// Each rank updates its share and then has everybody's.
Status Trainer::update_parameters(double rate, double grad_norm) {
  const double scale = optim::clip_factor(grad_norm, setup_.options.optimisation.max_grad_norm);
  return run_guarded({fmt::format("update of step {}", progress_.step + 1), {}}, [&]() -> Status {
    optimizer_->step(rate, scale);
    for (optim::NamedTensor& parameter : setup_.parameters) {
      parameter.tensor.mutable_grad() = Tensor();
    }
    if (ranks_.size() == 1) return {};
    for (size_t i = 0; i < setup_.parameters.size(); ++i) {
      Tensor values = setup_.parameters[i].tensor.detach();
      ranks_.broadcast(values, owners_[i]);
    }
    return {};
  });
}

// Runs the rows in passes; returns the loss over all of them and the metrics per unit.
Result<Trainer::Measured> Trainer::accumulate(Split split, const std::vector<int64_t>& rows,
                                              Random& seeds) {
  int64_t units = 0;
  for (int64_t row : rows) units += method_.row_units(split, row);
  PassOptions options;
  options.normaliser = static_cast<double>(units);
  options.training = split != Split::kEvaluation;
  options.recompute = options.training && setup_.plan.recompute;
  options.chunk_rows = setup_.plan.chunk_rows;
  Measured measured;
  const Status own = run_passes(split, own_share(split, rows), options, seeds, &measured);
  TRY(add_up(own, &measured));
  for (auto& [name, sum] : measured.metrics) sum /= options.normaliser;
  for (const auto& [name, mean] : measured.means) {
    if (mean.count > 0) measured.metrics[name] = mean.sum / mean.count;
  }
  return measured;
}

// The passes of this rank. Gradients are summed over the ranks whatever happens, since the others
// wait for it.
Status Trainer::run_passes(Split split, const std::vector<int64_t>& rows, PassOptions options,
                           Random& seeds, Measured* measured) {
  const Operation operation{
      options.training ? fmt::format("step {}", progress_.step + 1)
                       : fmt::format("evaluation after step {}", progress_.step),
      {}};
  const auto passes = cut_into_passes(method_, split, rows, setup_.plan.max_tokens_per_batch);
  Status status;
  for (size_t i = 0; i < passes.size() && status.ok(); ++i) {
    options.dropout_seed = seeds.next();
    if (options.training && i + 1 == passes.size()) reducer_->begin();
    const Result<double> share = run_guarded(operation, [&] {
      PassResult result = method_.pass(split, passes[i], options);
      const double value = result.loss.item<double>();
      for (const auto& [name, sum] : result.sums) measured->metrics[name] += sum;
      for (const auto& [name, mean] : result.means) {
        measured->means[name].sum += mean.sum;
        measured->means[name].count += mean.count;
      }
      if (options.training && std::isfinite(value)) result.loss.backward();
      return value;
    });
    if (!share.ok()) {
      status = share.error();
    } else if (!std::isfinite(*share)) {
      status = invalid_input(
          "{}: the loss is no longer a number ({}), with {}. Lower learning_rate, or look at these "
          "rows; nothing of this step was kept",
          operation.name, *share, names_of(split, passes[i]));
    } else {
      measured->loss += *share;
    }
  }
  if (!options.training) return status;
  const Status summed = run_guarded({"gradients of " + operation.name, {}},
                                    [&] { reducer_->finish(); });
  return status.ok() ? summed : status;
}

std::string Trainer::names_of(Split split, const std::vector<int64_t>& rows) const {
  constexpr size_t kShown = 8;
  std::string names;
  for (size_t i = 0; i < rows.size() && i < kShown; ++i) {
    names += (i == 0 ? "" : ", ") + method_.row_name(split, rows[i]);
  }
  if (rows.size() > kShown) names += fmt::format(" and {} more rows", rows.size() - kShown);
  return names;
}

bool Trainer::due(When when, double interval, bool ends_epoch) const {
  if (when == When::kEpoch) return ends_epoch;
  if (when == When::kSteps) return progress_.step % interval_steps(interval, total_steps_) == 0;
  return false;
}

Status Trainer::after_step(const StepRows& rows, bool last) {
  const EvaluationOptions& evaluation = setup_.options.evaluation;
  const double age = evaluation.when == When::kEpoch ? rows.epochs_done
                                                     : static_cast<double>(progress_.step);
  const bool at_end = last && evaluation.when == When::kSteps;
  const std::optional<int64_t> best_before = progress_.best_step;
  if (age >= evaluation.delay &&
      (at_end || due(evaluation.when, evaluation.steps, rows.ends_epoch))) {
    TRY(evaluate());
  }
  const CheckpointOptions& saving = setup_.options.checkpoint;
  const bool better = progress_.best_step != best_before;
  const bool wants_best = saving.when == When::kBest || evaluation.load_best_at_end;
  const bool ends = (last || stop_early_) && saving.when == When::kSteps;
  if (due(saving.when, saving.steps, rows.ends_epoch) || ends || (better && wants_best)) {
    TRY(save_checkpoint());
  }
  return {};
}

Status Trainer::write_samples() {
  if (!setup_.samples || !ranks_.is_first()) return {};
  const std::vector<std::string>& prompts = setup_.options.evaluation.sample_prompts;
  const std::vector<std::string> answers = TRY(setup_.samples());
  for (size_t i = 0; i < answers.size(); ++i) {
    TRY(record("sample",
                    {{"step", progress_.step}, {"prompt", prompts[i]}, {"answer", answers[i]}}));
  }
  return {};
}

}  // namespace attune::engine::train
