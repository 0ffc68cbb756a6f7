// Shows a run while it goes: one line that is redrawn on a terminal. Elsewhere it stays silent and
// the engine's own log lines, which a terminal does not get, say the same. With --json the events
// go to standard output as they are.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"

namespace attune::cli {

// Follows `events.jsonl` of a run directory. Not thread-safe.
class Progress {
 public:
  // Starts at the end of what the file holds now (a resumed run shows only what is new).
  explicit Progress(const std::string& run_directory, bool json = false);

  void update();  // shows the events written since the last call
  void finish();  // the last events, and the end of the redrawn line

 private:
  void show(const Json& event);

  std::string path_;
  size_t read_bytes_ = 0;
  bool json_;
  bool terminal_;
  bool drawn_ = false;
  int64_t tokens_ = 0;  // read up to the last step
  int64_t total_steps_ = 0;
};

}  // namespace attune::cli
