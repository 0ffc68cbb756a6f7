// The options that every trainer shares, read from a job's resolved configuration. Names, meanings
// and defaults are those of the option tables (recipes/), that is TRL's and Transformers'.
//
// Reading accepts a configuration that lacks keys (defaults below) and refuses wrong types, naming
// the key. Plain data; thread-safe to read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace attune::engine::train {

enum class When { kNever, kSteps, kEpoch, kBest };
enum class Sampling { kRandom, kSequential, kGroupByLength };
enum class RecomputeChoice { kAuto, kAlways, kNever };

// The rows of each optimiser step, and how memory holds them.
struct BatchOptions {
  int64_t rows_per_batch = 8;  // per_device_train_batch_size
  int64_t accumulation = 1;    // gradient_accumulation_steps
  Sampling sampling = Sampling::kRandom;
  bool drop_last = false;
  std::optional<int64_t> max_tokens_per_batch;  // of one pass; absent: chosen by the plan
  std::optional<int64_t> tokens_per_step;
  double epochs = 3.0;
  int64_t max_steps = -1;  // > 0 overrides epochs
};

struct OptimisationOptions {
  std::string optimizer = "adamw_torch_fused";
  double learning_rate = 2e-5;
  std::string schedule = "linear";
  double warmup_steps = 0;  // below 1: a share of all steps
  double min_lr_rate = 0;   // lr_scheduler_kwargs: min_lr_rate, or min_lr / learning_rate
  double weight_decay = 0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  std::string epsilon_form = "torch";  // or "tf1": optim/optimizer.h
  double max_grad_norm = 1.0;
};

struct EvaluationOptions {
  When when = When::kNever;
  double steps = 10;  // eval_steps; below 1: a share of all steps
  bool on_start = false;
  double delay = 0;  // eval_delay: steps, or epochs when evaluating by epoch
  std::string best_metric = "eval_loss";
  bool greater_is_better = false;
  bool load_best_at_end = false;
  std::optional<int64_t> patience;  // early_stopping_patience
  double threshold = 0;             // early_stopping_threshold
  std::vector<std::string> sample_prompts;
  int64_t sample_max_new_tokens = 128;
};

struct CheckpointOptions {
  When when = When::kSteps;
  double steps = 500;  // save_steps; below 1: a share of all steps
  std::optional<int64_t> limit;
  bool only_model = false;  // save_only_model: no resume from it
  std::string resume;       // "", "true", or a folder
  bool overwrite = false;   // overwrite_output_dir
};

struct TrainingOptions {
  BatchOptions batch;
  OptimisationOptions optimisation;
  EvaluationOptions evaluation;
  CheckpointOptions checkpoint;
  RecomputeChoice recompute = RecomputeChoice::kAuto;
  double logging_steps = 10;
  bool log_first_step = false;  // logging_first_step
  uint64_t seed = 42;
  uint64_t data_seed = 42;
  int64_t threads = 0;  // 0: all cores
  bool allow_skipped_rows = false;
};

Result<TrainingOptions> read_training_options(const Json& config);

// A step interval as Transformers means it: from 1 on a count, below it a share of all steps
// rounded up.
int64_t interval_steps(double value, int64_t total_steps);

}  // namespace attune::engine::train
