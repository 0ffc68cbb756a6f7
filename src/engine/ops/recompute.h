// Activation recompute: run a region without recording, keep only its inputs, and run it again in
// the backward pass. Gradients are bit-equal to recording it (libtorch has no C++ version of
// Python's torch.utils.checkpoint; this is its re-entrant form).
#pragma once

#include <functional>

#include "engine/tensor/tensor.h"

namespace attune::engine::ops {

// y = region(x). `region` may read parameters (their gradients accumulate as usual) and must be
// deterministic: with dropout inside, it must restore the random state itself. When x does not
// require grad (frozen embedding under LoRA), the result is still connected to the region's
// parameters. Backward passes over it must accumulate into leaves (torch::autograd::backward);
// asking for chosen gradients (torch::autograd::grad) does not reach the region's parameters.
Tensor recompute(const std::function<Tensor(const Tensor&)>& region, const Tensor& x);

}  // namespace attune::engine::ops
