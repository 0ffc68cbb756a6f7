// For tests: closeness of tensors, and gradients against central differences in double precision.
#pragma once

#include <ATen/Parallel.h>
#include <ATen/ops/max.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "engine/tensor/tensor.h"

namespace attune::engine::testing {

// max |a - b| / max |b| (absolute where b is all zero); 1e300 when shapes differ or a holds NaN.
inline double relative_difference(const Tensor& a, const Tensor& b) {
  if (!a.defined() || !b.defined() || a.sizes() != b.sizes()) return 1e300;
  if (a.numel() == 0) return 0;
  const Tensor wide_a = a.detach().to(at::kCPU, at::kDouble);
  const Tensor wide_b = b.detach().to(at::kCPU, at::kDouble);
  const double off = (wide_a - wide_b).abs().max().item<double>();
  const double size = wide_b.abs().max().item<double>();
  if (std::isnan(off)) return 1e300;
  return size > 0 ? off / size : off;
}

// Gradients of `loss(inputs)` by autograd, one per input.
inline std::vector<Tensor> gradients(
    const std::function<Tensor(const std::vector<Tensor>&)>& loss, std::vector<Tensor> inputs) {
  for (Tensor& input : inputs) input = input.detach().clone().set_requires_grad(true);
  torch::autograd::backward({loss(inputs)});
  std::vector<Tensor> out;
  for (const Tensor& input : inputs) out.push_back(input.grad());
  return out;
}

// For tests of tiny operations: a thread team would cost more than the work.
class OneThread {
 public:
  OneThread() : before_(at::get_num_threads()) { at::set_num_threads(1); }
  ~OneThread() { at::set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

// Largest difference between autograd and central differences over all elements of all inputs
// (double tensors), relative to each input's largest gradient.
inline double gradient_error(const std::function<Tensor(const std::vector<Tensor>&)>& loss,
                             const std::vector<Tensor>& inputs, double step = 1e-6) {
  const OneThread calm;
  const std::vector<Tensor> analytic = gradients(loss, inputs);
  double worst = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    std::vector<Tensor> moved;
    for (const Tensor& input : inputs) moved.push_back(input.detach().clone());
    Tensor numeric = inputs[i].detach().clone();
    double* x = moved[i].data_ptr<double>();
    for (int64_t e = 0; e < numeric.numel(); ++e) {
      const double kept = x[e];
      x[e] = kept + step;
      const double above = loss(moved).item<double>();
      x[e] = kept - step;
      const double below = loss(moved).item<double>();
      x[e] = kept;
      numeric.data_ptr<double>()[e] = (above - below) / (2 * step);
    }
    worst = std::max(worst, relative_difference(analytic[i], numeric));
  }
  return worst;
}

}  // namespace attune::engine::testing
