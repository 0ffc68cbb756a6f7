#include "engine/tensor/parallel.h"

#include <ATen/Parallel.h>

#include <algorithm>

#ifndef _OPENMP
#error "compile this unit with OpenMP: at::parallel_for would be serial"
#endif

namespace attune::engine {

int64_t lanes_for(int64_t count, int64_t least) {
  const int64_t wanted = count / std::max<int64_t>(least, 1);
  return std::clamp<int64_t>(wanted, 1, at::get_num_threads());
}

void run_lanes(int64_t lanes, int64_t count, const LaneBody& body) {
  const auto run = [&](int64_t first, int64_t last) {
    for (int64_t lane = first; lane < last; ++lane) {
      body(lane, count * lane / lanes, count * (lane + 1) / lanes);
    }
  };
  if (lanes == 1) return run(0, 1);
  at::parallel_for(0, lanes, 1, run);
}

}  // namespace attune::engine
