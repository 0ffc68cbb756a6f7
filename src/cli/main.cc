#include <csignal>

#include "cli/command.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error of the write, not a sudden death
  std::signal(SIGXFSZ, SIG_IGN);  // so is a file that may not grow
  return attune::cli::run_command_line({argv + 1, argv + argc});
}
