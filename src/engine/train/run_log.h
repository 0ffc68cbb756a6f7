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
  // Opens a run directory's log. A resumed run goes on behind the line of the checkpoint it starts
  // from, that of `step`: what was written after that is removed, since it will be written again.
  // Otherwise the log begins anew.
  static Result<std::unique_ptr<RunLog>> open(const std::string& run_directory, int64_t step,
                                              bool resumed);

  // Whether the log had the line of the checkpoint that a resumed run starts from.
  bool has_checkpoint() const { return has_checkpoint_; }

  // Appends {"event": kind, ...fields}. Numbers of "step" and "eval" events also become curves,
  // train/<name> and eval/<name>.
  Status write(const std::string& kind, const OrderedJson& fields);

 private:
  RunLog(std::unique_ptr<AppendFile> events, std::unique_ptr<TensorBoardWriter> curves)
      : events_(std::move(events)), curves_(std::move(curves)) {}
  std::unique_ptr<AppendFile> events_;
  std::unique_ptr<TensorBoardWriter> curves_;
  bool has_checkpoint_ = false;
};

}  // namespace attune::engine::train
