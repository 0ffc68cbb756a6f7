// What this machine can do, measured briefly: the yardstick that benchmarks and `attune doctor` put
// beside their figures. Meaningless while other programs compute on the same cores.
#pragma once

#include <cstdint>

namespace attune::engine {

struct MachinePeak {
  double fp32_gflops = 0;    // products of 1024 x 1024 matrices, all compute threads
  double read_gb_per_s = 0;  // summing 256 MiB, all compute threads
};

// Reading `bytes` of memory in its order with all compute threads: the best of the tries that fit
// into about `seconds`.
double probe_read_gb_per_s(int64_t bytes, double seconds);

// Takes the best of several tries within about `seconds`.
MachinePeak probe_machine_peak(double seconds = 0.4);

}  // namespace attune::engine
