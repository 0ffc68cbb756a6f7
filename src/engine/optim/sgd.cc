#include "engine/optim/update_rules.h"

#include <ATen/ops/add.h>
#include <c10/core/GradMode.h>

namespace attune::engine::optim {

void Sgd::step(double learning_rate, double gradient_scale) {
  c10::NoGradGuard no_grad;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    Tensor& parameter = parameters_[i].tensor;
    if (!parameter.grad().defined()) continue;
    Tensor gradient = parameter.grad();
    if (gradient_scale != 1) gradient = gradient * gradient_scale;
    if (options_.weight_decay != 0 && decays(parameters_[i].name)) {
      gradient = at::add(gradient, parameter, options_.weight_decay);
    }
    std::vector<Tensor>& slots = slots_of(i);
    if (options_.momentum != 0) {
      Tensor& buffer = slots[0];
      buffer.mul_(options_.momentum).add_(gradient);  // zero at first: torch starts it at g
      gradient = options_.nesterov ? at::add(gradient, buffer, options_.momentum) : buffer;
    }
    parameter.add_(gradient, -learning_rate * parameters_[i].rate);
    slots.back().add_(1);
  }
}

}  // namespace attune::engine::optim
