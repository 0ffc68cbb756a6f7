// Which rows make up each optimiser step. The rows of a step are fixed here, before anything about
// memory is decided (design §4): batches of per_device_train_batch_size rows, accumulated, as
// Transformers' Trainer counts them; the last step of an epoch has what is left.
//
// The order of an epoch is a pure function of seed and epoch, so a resumed run needs only the
// number of its step. Random order is seeded but not the order that torch's generator gives. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/train/training_options.h"

namespace attune::engine::train {

struct StepRows {
  int64_t epoch = 0;           // from 0
  double epochs_done = 0;      // after this step, for example 1.25
  bool ends_epoch = false;
  std::vector<int64_t> rows;   // indices, in order
};

// The batch of a step that `ranks` processes share, each with `own` (comm/).
BatchOptions batch_of_ranks(BatchOptions own, int ranks);

class Sampler {
 public:
  // `row_tokens`: length of every row in tokens; at least one row.
  Sampler(const BatchOptions& options, uint64_t seed, std::vector<int64_t> row_tokens);

  // The rows of optimiser step `step` (from 0), over as many epochs as it takes.
  StepRows rows_of(int64_t step);

  // Optimiser steps of the whole run: max_steps, or ceil(epochs x steps of an epoch).
  int64_t total_steps();

 private:
  std::vector<int64_t> order_of_epoch(int64_t epoch) const;
  std::vector<int64_t> grouped_by_length(std::vector<int64_t> order) const;
  void load_epoch(int64_t epoch);
  int64_t steps_in_epoch(int64_t epoch);

  BatchOptions options_;
  uint64_t seed_;
  std::vector<int64_t> row_tokens_;
  int64_t loaded_epoch_ = -1;
  std::vector<int64_t> order_;   // of the loaded epoch
  std::vector<size_t> ends_;     // end of every step in order_
  std::vector<int64_t> starts_;  // first step of every epoch counted so far
};

}  // namespace attune::engine::train
