// The training loop that every method shares.
//
// One optimiser step: take its rows (sampler.h), cut them into passes of at most
// plan.max_tokens_per_batch tokens (best fit decreasing), add up the passes' gradients of a loss
// that is divided by the units of the whole step, clip, update. A loss or gradient that is no
// number stops the run with the step, the rows and the parameters in its message, before anything
// is updated. A method may spread a step over several updates (method.h); its line of events then
// has their means, and the learning rate stays the same.
//
// When begin_step() or an evaluation fails because something outside of the run did (kUnavailable:
// a reward), a checkpoint is written before the run ends; a run that goes on from it makes up for
// the evaluation. Several ranks share what a method does there (join()).
//
// Around it: evaluation, early stopping, best checkpoint, checkpoints, events, sample answers, and
// a clean stop on SIGINT and SIGTERM. A run that is killed at any instant and resumed gives the
// same bits as one that was not (one thread, the same machine).
//
// Several processes (comm/): the rows of a step are those of one process with as many times the
// batch; each rank computes a share of them, gradients are summed during the last backward pass,
// each rank updates a share of the parameters (and holds the optimiser state of these alone), and
// the first rank writes the run directory. The losses are those of one process up to the order of
// sums. An error on one rank is the error of all.
//
// Not thread-safe. LibTorch's exceptions become Errors here.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "base/result.h"
#include "engine/comm/gradient_reducer.h"
#include "engine/optim/optimizer.h"
#include "engine/optim/schedule.h"
#include "engine/train/checkpoint_store.h"
#include "engine/train/method.h"
#include "engine/train/plan.h"
#include "engine/train/run_log.h"
#include "engine/train/sampler.h"
#include "engine/train/training_options.h"

namespace attune::engine::train {

// Answers to the run's sample prompts with the weights as they are now; empty: no samples.
using SampleFunction = std::function<Result<std::vector<std::string>>()>;

struct TrainerSetup {
  std::string run_directory;  // exists
  Json config;                // the run's full configuration, stored with checkpoints
  TrainingOptions options;
  Plan plan;
  std::vector<optim::NamedTensor> parameters;  // what trains
  SampleFunction samples;
  comm::Communicator* communicator = nullptr;  // of the run's processes; null: there is one
  std::optional<StoredCheckpoint> resume;      // where to go on
};

struct TrainingOutcome {
  int64_t steps = 0;              // optimiser steps done in all
  bool interrupted = false;       // a signal stopped it; a checkpoint was written
  bool stopped_early = false;     // early stopping
  std::optional<int64_t> best_step;
};

class Trainer {
 public:
  static Result<std::unique_ptr<Trainer>> create(TrainerSetup setup, Method& method);

  // Trains to the end. Afterwards the parameters hold what final/ should get (the best checkpoint
  // under load_best_model_at_end).
  Result<TrainingOutcome> run();

 private:
  // Everything a checkpoint's state.json holds besides the plan and the configuration.
  struct Progress {
    int64_t step = 0;
    int64_t tokens = 0;  // num_tokens of TRL: read by the model, masked ones too
    std::optional<double> best_metric;
    std::optional<int64_t> best_step;
    int64_t evaluations_without_gain = 0;
    std::optional<int64_t> evaluated_step;
    bool owes_evaluation = false;  // that of `step` failed
  };
  struct StepOutcome {
    double loss = 0;
    double grad_norm = 0;  // before clipping
    std::map<std::string, double> metrics;
    size_t updates = 1;  // optimiser updates done
  };
  struct Measured {
    double loss = 0;
    std::map<std::string, double> metrics = {};  // sums, then what they come to a unit
    std::map<std::string, Mean> means = {};
  };

  Trainer(TrainerSetup setup, Method& method, Sampler sampler, optim::Schedule schedule,
          std::unique_ptr<comm::Communicator> alone);

  Status resume_from(const StoredCheckpoint& checkpoint);
  Result<TrainingOutcome> train();
  Status begin();
  Status train_step();
  Result<StepUpdates> begin_step(const StepRows& rows);
  Result<StepOutcome> run_updates(const StepUpdates& updates, double rate);
  Result<StepOutcome> compute_update(Split split, const std::vector<int64_t>& rows, Random& seeds);
  Result<Measured> accumulate(Split split, const std::vector<int64_t>& rows, Random& seeds);
  Status run_passes(Split split, const std::vector<int64_t>& rows, PassOptions options,
                    Random& seeds, Measured* measured);
  Status update_parameters(double rate, double grad_norm);
  Status after_step(const StepRows& rows, bool last);
  Status evaluate();
  Status judge(const std::map<std::string, double>& metrics);
  Status write_samples();
  Status save_checkpoint();
  Error keep_progress(const Error& error);
  Status finish(TrainingOutcome* outcome);
  Json state() const;
  Status record(const std::string& kind, const OrderedJson& fields);  // on the first rank
  bool interrupted();

  // trainer_ranks.cc
  void share_parameters(const optim::OptimizerOptions& options);
  std::vector<int64_t> own_share(Split split, const std::vector<int64_t>& rows) const;
  Status add_up(const Status& own, Measured* measured);
  Result<std::vector<optim::NamedTensor>> whole_optimizer_state();
  bool due(When when, double interval, bool ends_epoch) const;
  std::string names_of(Split split, const std::vector<int64_t>& rows) const;

  TrainerSetup setup_;
  std::unique_ptr<comm::Communicator> alone_;  // where the setup has none
  comm::Communicator& ranks_;
  Method& method_;
  Sampler sampler_;
  optim::Schedule schedule_;
  int64_t total_steps_ = 0;
  std::vector<int> owners_;  // which rank updates a parameter, in the setup's order
  std::unique_ptr<optim::Optimizer> optimizer_;  // of this rank's parameters
  std::unique_ptr<comm::GradientReducer> reducer_;
  CheckpointStore checkpoints_;
  std::unique_ptr<RunLog> log_;  // of the first rank
  Progress progress_;
  bool stop_early_ = false;
  std::optional<int64_t> saved_step_;  // of the newest checkpoint of this process
};

}  // namespace attune::engine::train
