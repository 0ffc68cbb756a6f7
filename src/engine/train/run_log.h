// What a run says while it works: events.jsonl (one JSON object a line, docs/formats) and
// TensorBoard curves beside it. A line is one write, so a killed run leaves at most one cut line,
// which resuming removes.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/file.h"
#include "base/json.h"
#include "base/result.h"
#include "engine/train/tensorboard.h"

namespace attune::engine::train {

class RunLog {
 public:
  // Opens a run directory's log at `step`: lines of later steps are removed (they will be written
  // again), all of them when `step` is 0 and `resumed` is false.
  static Result<std::unique_ptr<RunLog>> open(const std::string& run_directory, int64_t step,
                                              bool resumed);

  // Appends {"event": kind, ...fields}. Numbers of "step" and "eval" events also become curves,
  // train/<name> and eval/<name>.
  Status write(const std::string& kind, const OrderedJson& fields);

 private:
  RunLog(std::unique_ptr<AppendFile> events, std::unique_ptr<TensorBoardWriter> curves)
      : events_(std::move(events)), curves_(std::move(curves)) {}
  std::unique_ptr<AppendFile> events_;
  std::unique_ptr<TensorBoardWriter> curves_;
};

}  // namespace attune::engine::train
