// From a job's files to the rows of a Chain-of-Hindsight run: chains of both splits, and the text
// that is trained beside them.
#pragma once

#include "base/json.h"
#include "base/result.h"
#include "engine/train/rows/chain_rows.h"
#include "engine/train/rows/sft_data.h"
#include "protocol/job.h"

namespace attune::engine::train {

struct HindsightData {
  SftData chains;
  std::vector<SftRow> pretraining;
  DataReport pretraining_report;

  OrderedJson report() const;  // data_report.json
};

// Marker set, forms and lengths of a configuration. Errors name the option.
Result<ChainRowOptions> read_chain_options(const Json& config, const ModelLimits& limits);

// When it fails, `data` holds the reports as far as they came.
Status load_hindsight_data(const protocol::Job& job, const RunText& text,
                           const ModelLimits& limits, const TrainingOptions& options,
                           HindsightData* data);

}  // namespace attune::engine::train
