#include "engine/optim/update_rules.h"

#include <ATen/ops/_fused_adamw.h>
#include <c10/core/GradMode.h>

namespace attune::engine::optim {

void AdamW::step(double learning_rate) {
  std::vector<size_t> decayed;
  std::vector<size_t> plain;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (!parameters_[i].tensor.grad().defined()) continue;
    (decays(parameters_[i].name) ? decayed : plain).push_back(i);
  }
  step_group(decayed, learning_rate, options_.weight_decay);
  step_group(plain, learning_rate, 0.0);
}

void AdamW::step_group(const std::vector<size_t>& group, double learning_rate,
                       double weight_decay) {
  if (group.empty()) return;
  c10::NoGradGuard no_grad;
  std::vector<Tensor> parameters, gradients, first_moments, second_moments, steps;
  for (size_t i : group) {
    std::vector<Tensor>& slots = slots_of(i);
    slots[2].add_(1);
    parameters.push_back(parameters_[i].tensor);
    gradients.push_back(parameters_[i].tensor.grad());
    first_moments.push_back(slots[0]);
    second_moments.push_back(slots[1]);
    steps.push_back(slots[2]);
  }
  at::_fused_adamw_(parameters, gradients, first_moments, second_moments, {}, steps, learning_rate,
                    options_.beta1, options_.beta2, weight_decay, options_.epsilon,
                    /*amsgrad=*/false, /*maximize=*/false);
}

}  // namespace attune::engine::optim
