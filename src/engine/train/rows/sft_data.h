// From a job's files to the rows of an SFT run: reading, splitting off evaluation rows, shuffling,
// packing, and the data report.
#pragma once

#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/train/data_report.h"
#include "engine/train/packing.h"
#include "engine/train/rows/model_limits.h"
#include "engine/train/rows/row_splits.h"
#include "engine/train/rows/sft_rows.h"
#include "engine/train/run_text.h"
#include "engine/train/training_options.h"
#include "protocol/job.h"

namespace attune::engine::train {

using SftData = RowSplits<SftRow>;

// How examples share rows: not at all without `packing: true`.
struct PackingPlan {
  bool train = false;
  bool evaluation = false;
  int64_t row_length = 0;
  PackingStrategy strategy = PackingStrategy::kBestFit;
};

Result<PackingPlan> read_packing(const protocol::Job& job, const ModelLimits& limits);
void pack_splits(const PackingPlan& plan, SftData* data);

// Reads both splits, checks them (data_report.h) and packs them. When it fails, `data` holds the
// reports as far as they came.
Status load_sft_data(const protocol::Job& job, const RunText& text, const ModelLimits& limits,
                     const TrainingOptions& options, SftData* data);

// Puts several examples into a row of at most `row_length` tokens. Packed rows without a trained
// token (the prompt's part of an example that kBestFitSplit or kWrapped cut) are left out and
// counted.
std::vector<SftRow> pack_sft_rows(const std::vector<SftRow>& rows, int64_t row_length,
                                  PackingStrategy strategy, DataReport* report);

}  // namespace attune::engine::train
