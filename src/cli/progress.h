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

// Counts the rows of a command: a line that is redrawn on a terminal; elsewhere a plain line at
// every tenth of a long input. Not thread-safe.
class RowProgress {
 public:
  explicit RowProgress(int64_t total);
  ~RowProgress() { make_way(); }
  RowProgress(const RowProgress&) = delete;
  RowProgress& operator=(const RowProgress&) = delete;

  void make_way();  // takes the line away, so that a row can be printed in its place
  void advance();   // one row more

 private:
  int64_t total_;
  int64_t done_ = 0;
  bool terminal_;
  bool drawn_ = false;
};

}  // namespace attune::cli
