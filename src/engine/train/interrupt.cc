#include "engine/train/interrupt.h"

#include <csignal>

namespace attune::engine::train {
namespace {

volatile std::sig_atomic_t caught = 0;

extern "C" void on_signal(int number) {
  caught = number;
  std::signal(number, SIG_DFL);  // the second one ends the program
}

}  // namespace

InterruptScope::InterruptScope() {
  caught = 0;
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
}

InterruptScope::~InterruptScope() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

int interrupt_signal() { return static_cast<int>(caught); }

}  // namespace attune::engine::train
