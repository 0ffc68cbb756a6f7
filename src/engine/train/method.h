// What differs between training methods: how rows become a loss. Everything else (order, passes,
// accumulation, clipping, schedule, evaluation, checkpoints, events) is the Trainer's.
//
// Rows are indices into what the method prepared. A row has `tokens` (memory) and `units`: what the
// loss of a step is divided by, its trained tokens or pairs over the whole step (losses.md §2.2).
//
// Off-policy methods (SFT, DPO, reward models, ...) learn from the step's own rows, once. On-policy
// methods answer the step's prompts in begin_step() and learn from these answers, Split::kRollout,
// in one or several optimiser updates:
//
//   begin_step(rows)            whole-step quantities, or rollouts; says what the updates are
//   for each update:            pass() ... one optimiser update ... after_update()
//   end_step()                  controllers
//
// Checkpoints are taken between steps only, so rollouts are never part of one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/comm/communicator.h"
#include "engine/optim/optimizer.h"
#include "engine/tensor/tensor.h"
#include "engine/train/split.h"

namespace attune::engine::train {

struct PassOptions {
  double normaliser = 1;      // units of the whole step
  bool training = true;       // dropout on; gradients wanted
  bool recompute = false;     // activations are computed again in the backward pass
  uint64_t dropout_seed = 0;  // of this pass
  int64_t chunk_rows = 512;   // rows of logits held at a time
};

struct Mean {
  double sum = 0;
  double count = 0;
};

struct PassResult {
  Tensor loss;  // scalar: this pass's share of the step's loss
  // Sums over units, for example "mean_token_accuracy" -> tokens right; divided by units at the
  // end.
  std::map<std::string, double> sums = {};
  // Sums that have a count of their own, for example "entropy" of a method whose units are pairs.
  std::map<std::string, Mean> means = {};
};

// What one step trains on: the rows of each optimiser update, in order. No update at all: there is
// nothing to learn from this step (answers that are all alike), and the method has said so.
struct StepUpdates {
  Split split = Split::kTrain;
  std::vector<std::vector<int64_t>> rows;
  std::map<std::string, double> metrics = {};  // of the step as a whole: rewards, lengths, KL
};

class Method {
 public:
  virtual ~Method() = default;

  virtual int64_t row_count(Split split) const = 0;
  virtual int64_t row_tokens(Split split, int64_t row) const = 0;
  virtual int64_t row_units(Split split, int64_t row) const = 0;
  // What "num_tokens" counts of a row; TRL reads a prompt once for each completion.
  virtual int64_t row_counted_tokens(Split split, int64_t row) const {
    return row_tokens(split, row);
  }
  // Under which name events.jsonl counts the units of a step.
  virtual const char* unit_name() const { return "trained_tokens"; }
  // "train.jsonl row 17", for errors.
  virtual std::string row_name(Split split, int64_t row) const = 0;

  // The loss of these rows in one forward pass. LibTorch's exceptions pass through.
  virtual PassResult pass(Split split, const std::vector<int64_t>& rows,
                          const PassOptions& options) = 0;

  // What the line that begins a run says of the method, besides its rows.
  virtual OrderedJson about() const { return OrderedJson::object(); }

  // The other processes of the run, before its first step, when there are any. All of them call
  // the method alike, but for pass(), which each calls with its share of the rows; what a step
  // needs as a whole (rollouts) they may make together. They outlive the method's use.
  virtual void join(comm::Communicator& /*ranks*/) {}

  // Called once a step with the rows that the sampler chose, before anything is computed. The
  // default trains on them in one update. LibTorch's exceptions pass through.
  virtual Result<StepUpdates> begin_step(int64_t /*step*/, const std::vector<int64_t>& rows) {
    return StepUpdates{Split::kTrain, {rows}, {}};
  }

  // After each optimiser update; false leaves out the step's other updates (a KL that runs away).
  virtual bool after_update(const std::map<std::string, double>& /*metrics*/) { return true; }

  // After the step's last update, with the metrics of its line and its learning_rate; may add to
  // them.
  virtual Status end_step(std::map<std::string, double>* /*metrics*/) { return {}; }

  // Metrics of an evaluation that is more than the loss over the evaluation rows (rollouts on
  // held-out prompts); nothing: the Trainer computes that loss.
  virtual Result<std::optional<std::map<std::string, double>>> evaluate() {
    return std::optional<std::map<std::string, double>>();
  }

  // What trains besides the run's model (a value model); names differ from the model's.
  virtual std::vector<optim::NamedTensor> parameters() { return {}; }

  // After the last step, before final/ is written: a last change of the weights (their average),
  // and what the run leaves beside final/.
  virtual Status finish(const std::string& /*run_directory*/) { return {}; }

  // A hash of the prepared training rows: a resumed run must have the same ones.
  virtual std::string fingerprint() const = 0;

  // State of the method's own (running controllers), part of every checkpoint; and tensors that
  // belong to it without being trained (averaged weights, a reference that moves), which a resume
  // fills. SFT has none.
  virtual Json state() const { return Json::object(); }
  virtual Status load_state(const Json&) { return {}; }
  virtual std::vector<optim::NamedTensor> state_tensors() { return {}; }
};

}  // namespace attune::engine::train
