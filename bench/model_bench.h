// The main function of the programs that measure one model: PROGRAM MODEL FILE.json NEW_TOKENS.
#pragma once

#include <cstdlib>
#include <iostream>
#include <string>

#include "base/result.h"

namespace attune::bench {

// Runs the measurement, which prints its figures; the exit status of the program. `usage` names the
// three arguments.
using Measurement = Status (*)(const std::string& model, const std::string& file,
                               int64_t new_tokens);
inline int run_on_model(int count, char** arguments, const char* usage, Measurement measure) {
  if (count != 4) {
    std::cerr << "usage: " << arguments[0] << " " << usage << "\n";
    return 2;
  }
  const Status status = measure(arguments[1], arguments[2], std::atoll(arguments[3]));
  if (status.ok()) return 0;
  std::cerr << status.error().message() << "\n";
  return 1;
}

}  // namespace attune::bench
