// What differs between training methods: how rows become a loss. Everything else (order, passes,
// accumulation, clipping, schedule, evaluation, checkpoints, events) is the Trainer's.
//
// Rows are indices into what the method prepared. A row has `tokens` (memory) and `units`: what the
// loss of a step is divided by, its trained tokens or pairs over the whole step (losses.md §2.2).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/tensor/tensor.h"

namespace attune::engine::train {

enum class Split { kTrain, kEvaluation };

struct PassOptions {
  double normaliser = 1;      // units of the whole step
  bool training = true;       // dropout on; gradients wanted
  bool recompute = false;     // activations are computed again in the backward pass
  uint64_t dropout_seed = 0;  // of this pass
  int64_t chunk_rows = 512;   // rows of logits held at a time
};

struct PassResult {
  Tensor loss;  // scalar: this pass's share of the step's loss
  // Sums over units, for example "mean_token_accuracy" -> tokens right; divided by units at the
  // end.
  std::map<std::string, double> sums;
};

class Method {
 public:
  virtual ~Method() = default;

  virtual int64_t row_count(Split split) const = 0;
  virtual int64_t row_tokens(Split split, int64_t row) const = 0;
  virtual int64_t row_units(Split split, int64_t row) const = 0;
  // "train.jsonl row 17", for errors.
  virtual std::string row_name(Split split, int64_t row) const = 0;

  // The loss of these rows in one forward pass. LibTorch's exceptions pass through.
  virtual PassResult pass(Split split, const std::vector<int64_t>& rows,
                          const PassOptions& options) = 0;

  // A hash of the prepared training rows: a resumed run must have the same ones.
  virtual std::string fingerprint() const = 0;

  // State of the method's own (running controllers), part of every checkpoint. SFT has none.
  virtual Json state() const { return Json::object(); }
  virtual Status load_state(const Json&) { return {}; }
};

}  // namespace attune::engine::train
