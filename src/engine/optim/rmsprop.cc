#include "engine/optim/update_rules.h"

#include <ATen/ops/add.h>
#include <ATen/ops/addcdiv.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/sqrt.h>
#include <c10/core/GradMode.h>

namespace attune::engine::optim {

void Rmsprop::step(double learning_rate, double gradient_scale) {
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
    const double rate = learning_rate * parameters_[i].rate;
    slots[0].mul_(options_.alpha).addcmul_(gradient, gradient, 1 - options_.alpha);
    const Tensor root = at::sqrt(slots[0]).add_(options_.epsilon);
    if (options_.momentum != 0) {
      slots[1].mul_(options_.momentum).addcdiv_(gradient, root);
      parameter.add_(slots[1], -rate);
    } else {
      parameter.addcdiv_(gradient, root, -rate);
    }
    slots.back().add_(1);
  }
}

}  // namespace attune::engine::optim
