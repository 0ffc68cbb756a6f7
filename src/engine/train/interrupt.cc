#include "engine/train/interrupt.h"

#include <csignal>
#include <initializer_list>

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
  for (int number : {SIGINT, SIGTERM, SIGUSR1}) std::signal(number, on_signal);
}

InterruptScope::~InterruptScope() {
  for (int number : {SIGINT, SIGTERM, SIGUSR1}) std::signal(number, SIG_DFL);
}

int interrupt_signal() { return static_cast<int>(caught); }

}  // namespace attune::engine::train
