// A stand-in for a GPU, for tests on machines without one. Its tensors behave as a GPU's do towards
// everything above LibTorch:
//
//   - their memory cannot be reached by the processor: code that reads or writes through data_ptr()
//     ends the program at once
//   - an operator that gets tensors of both worlds (but for single numbers) fails
//   - autograd runs their backward passes on a thread of their own
//
// Behind the scenes operators run on the CPU, on copies. It says nothing about speed, CUDA's own
// kernels, streams, or sums in another order.
#pragma once

#include "engine/tensor/tensor.h"

namespace attune::engine::testing {

// Registers it at the first call; the same device from then on.
at::Device foreign_device();

}  // namespace attune::engine::testing
