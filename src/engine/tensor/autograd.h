// The door to LibTorch's custom autograd functions; include it only in .cc files (it is slow to
// compile). A function derives from AutogradFunction<Itself> and has static forward and backward.
#pragma once

#include <torch/csrc/autograd/custom_function.h>

#include "engine/tensor/tensor.h"

namespace attune::engine {

using torch::autograd::AutogradContext;
template <typename T>
using AutogradFunction = torch::autograd::Function<T>;
using TensorList = torch::autograd::variable_list;

// Whether an operation on these inputs must record for a backward pass.
inline bool records_grad(std::initializer_list<std::reference_wrapper<const Tensor>> inputs) {
  if (!c10::GradMode::is_enabled()) return false;
  for (const Tensor& input : inputs) {
    if (input.defined() && input.requires_grad()) return true;
  }
  return false;
}

}  // namespace attune::engine
