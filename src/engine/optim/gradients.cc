#include "engine/optim/gradients.h"

#include <ATen/ops/isfinite.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <c10/core/GradMode.h>

#include <cmath>

namespace attune::engine::optim {

double grad_norm(const std::vector<NamedTensor>& parameters) {
  c10::NoGradGuard no_grad;
  double squares = 0;
  for (const NamedTensor& parameter : parameters) {
    const Tensor& gradient = parameter.tensor.grad();
    if (!gradient.defined()) continue;
    const double norm = at::linalg_vector_norm(gradient, 2).item<double>();
    squares += norm * norm;
  }
  return std::sqrt(squares);
}

double clip_grad_norm(const std::vector<NamedTensor>& parameters, double max_norm) {
  const double norm = grad_norm(parameters);
  const double scale = max_norm / (norm + 1e-6);
  if (max_norm <= 0 || !std::isfinite(norm) || scale >= 1) return norm;
  c10::NoGradGuard no_grad;
  for (const NamedTensor& parameter : parameters) {
    Tensor gradient = parameter.tensor.grad();
    if (gradient.defined()) gradient.mul_(scale);
  }
  return norm;
}

std::vector<std::string> non_finite_gradients(const std::vector<NamedTensor>& parameters,
                                              size_t limit) {
  std::vector<std::string> names;
  for (const NamedTensor& parameter : parameters) {
    if (names.size() == limit) break;
    const Tensor& gradient = parameter.tensor.grad();
    if (gradient.defined() && !at::isfinite(gradient).all().item<bool>()) {
      names.push_back(parameter.name);
    }
  }
  return names;
}

}  // namespace attune::engine::optim
