// Being told when a leaf's gradient is complete, while the rest of the backward pass still runs.
#pragma once

#include <functional>

#include "engine/tensor/tensor.h"

namespace attune::engine {

// Calls `call` after every backward pass that reached `leaf`, once the pass's gradient has been
// added to leaf.grad(); on the thread of the backward pass. An empty function removes it. One for
// each leaf.
void after_gradient(const Tensor& leaf, std::function<void()> call);

}  // namespace attune::engine
