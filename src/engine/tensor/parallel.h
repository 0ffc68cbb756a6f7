// Work split among the compute threads (tensor/threads.h) in a way that depends on their number
// alone, so that sums come out the same in every run. LibTorch's own thread pool does the work; its
// header at::parallel_for is silently serial in units compiled without OpenMP, hence this border.
#pragma once

#include <cstdint>
#include <functional>

namespace attune::engine {

// How many lanes `count` items deserve when one lane should get at least `least` of them; 1 to the
// number of compute threads.
int64_t lanes_for(int64_t count, int64_t least);

// Calls body(lane, begin, end) for `lanes` nearly equal parts of 0..count, side by side; returns
// when all are done. Inside another parallel region it runs serially. An exception of a body comes
// out.
using LaneBody = std::function<void(int64_t lane, int64_t begin, int64_t end)>;
void run_lanes(int64_t lanes, int64_t count, const LaneBody& body);

}  // namespace attune::engine
