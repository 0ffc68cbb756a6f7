// From a job's files to the rows of a method that learns from judged answers, with the data report
// and the lineage written. What every run_*.cc of such a method begins with.
#pragma once

#include "base/result.h"
#include "engine/train/rows/row_splits.h"
#include "engine/train/rows/tree_rows.h"
#include "engine/train/training_run.h"
#include "protocol/job.h"

namespace attune::engine::train {

using TreeData = RowSplits<TreeRow>;

// Reads max_length and dataset_text_field; `wanted` gives the rest (forms, overflow). Writes
// data_report.json, also when too many rows cannot be used, and lineage.json.
Result<TreeData> load_tree_data(const protocol::Job& job, const TrainingRun& run,
                                const TreeRowOptions& wanted);

}  // namespace attune::engine::train
