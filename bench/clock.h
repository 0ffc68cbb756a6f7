// The clocks of the benchmark's programs.
#pragma once

#include <cstdint>
#include <ctime>

namespace attune::bench {

inline int64_t clock_us(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

// Of this process, all its threads; others disturb it less than they do a wall clock.
inline double processor_seconds() {
  return 1e-6 * static_cast<double>(clock_us(CLOCK_PROCESS_CPUTIME_ID));
}

}  // namespace attune::bench
