// A run's training and evaluation rows, whatever a row is: reading both, holding out a share,
// shuffling, and what data_report.json says of them.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "base/result.h"
#include "engine/train/data_report.h"
#include "engine/train/split.h"
#include "engine/train/training_options.h"
#include "protocol/job.h"

namespace attune::engine::train {

template <class Row>
struct RowSplits {
  std::vector<Row> train;
  std::vector<Row> evaluation;
  DataReport train_report;
  DataReport evaluation_report;

  OrderedJson report() const {  // data_report.json
    OrderedJson report;
    report["train"] = train_report.to_json();
    report["train"]["rows"]["used"] = train.size();
    report["evaluation"] = evaluation_report.to_json();
    report["evaluation"]["rows"]["used"] = evaluation.size();
    return report;
  }
};

// Moves a random share of the rows to `held_out`; what stays keeps its order. One row at least
// stays.
template <class Row>
void hold_out(std::vector<Row>& rows, double share, uint64_t seed, std::vector<Row>* held_out) {
  const auto count = static_cast<size_t>(std::ceil(share * static_cast<double>(rows.size())));
  const std::vector<int64_t> order =
      Random(seed, 0x5eed).permutation(static_cast<int64_t>(rows.size()));
  std::vector<bool> taken(rows.size(), false);
  for (size_t i = 0; i < count && i + 1 < rows.size(); ++i) {
    taken[static_cast<size_t>(order[i])] = true;
  }
  std::vector<Row> kept;
  for (size_t i = 0; i < rows.size(); ++i) {
    (taken[i] ? *held_out : kept).push_back(std::move(rows[i]));
  }
  rows = std::move(kept);
}

template <class Row>
void shuffle_rows(std::vector<Row>& rows, uint64_t seed) {
  std::vector<Row> shuffled;
  for (int64_t row : Random(seed, 0x0de).permutation(static_cast<int64_t>(rows.size()))) {
    shuffled.push_back(std::move(rows[static_cast<size_t>(row)]));
  }
  rows = std::move(shuffled);
}

// Reads both splits of a job, checks them (data_report.h), holds out eval_fraction where there are
// no evaluation files, and shuffles when asked. `read(split, files, max_rows, report)` gives
// Result<std::vector<Row>>. When it fails, `splits` holds the reports as far as they came.
template <class Row, class Read>
Status read_splits(const protocol::Job& job, const TrainingOptions& options, const Read& read,
                   RowSplits<Row>* splits) {
  std::optional<int64_t> max_rows;
  if (find(job.config, "max_train_rows") != nullptr) {
    max_rows = TRY(get_int(job.config, "max_train_rows"));
  }
  splits->train = TRY(read(Split::kTrain, job.train_files, max_rows, &splits->train_report));
  TRY(splits->train_report.check("training data", options.allow_skipped_rows));
  if (!job.eval_files.empty()) {
    splits->evaluation = TRY(read(Split::kEvaluation, job.eval_files, std::optional<int64_t>(),
                                  &splits->evaluation_report));
    TRY(splits->evaluation_report.check("evaluation data", options.allow_skipped_rows));
  } else if (const double share = TRY(get_double_or(job.config, "eval_fraction", 0)); share > 0) {
    hold_out(splits->train, share, options.data_seed, &splits->evaluation);
  }
  if (TRY(get_bool_or(job.config, "shuffle_dataset", false))) {
    shuffle_rows(splits->train, options.data_seed);
  }
  return {};
}

}  // namespace attune::engine::train
