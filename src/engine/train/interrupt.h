// SIGINT, SIGTERM and SIGUSR1 while training: the first asks the run to stop after the step it is
// in, a second one ends the program at once. SIGUSR1 is what mpirun passes on to its ranks without
// ending them (comm/).
#pragma once

namespace attune::engine::train {

// Catches these signals while it lives. One at a time.
class InterruptScope {
 public:
  InterruptScope();
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;
};

// The signal that asked to stop, or 0.
int interrupt_signal();

}  // namespace attune::engine::train
