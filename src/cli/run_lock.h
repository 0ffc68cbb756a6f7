// One training at a time in a run directory: two of them would write over each other's checkpoints
// and take each other's start for a killed one.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace attune::cli {

// Holds a run directory while it lives, and while a process lives that was started meanwhile: a
// training whose `attune` was killed still writes its checkpoint. The lock is on the directory
// itself (flock), so it leaves no file, and none is left after kill -9.
class RunLock {
 public:
  // Waits up to `wait_ms` for a holder that is about to end. Errors: no such directory; held by
  // another. A file system without locks gives an unlocked directory and a warning.
  static Result<std::unique_ptr<RunLock>> take(const std::string& run_directory, int wait_ms);

  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  explicit RunLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace attune::cli
