#include "engine/optim/gradients.h"

#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>

#include "engine/optim/flat.h"

namespace attune::engine::optim {

namespace {

// The squares' sum of a slice: fp32 sums of short runs, added up in double precision.
double squares_of(const float* x, int64_t begin, int64_t end) {
  constexpr int64_t kRun = 256;
  constexpr int kSums = 16;
  double total = 0;
  for (int64_t at = begin; at < end; at += kRun) {
    const int64_t stop = std::min(at + kRun, end);
    float sums[kSums] = {};
    int64_t i = at;
    for (; i + kSums <= stop; i += kSums) {
      for (int j = 0; j < kSums; ++j) sums[j] += x[i + j] * x[i + j];
    }
    float run = 0;
    for (; i < stop; ++i) run += x[i] * x[i];
    for (float sum : sums) run += sum;
    total += static_cast<double>(run);
  }
  return total;
}

}  // namespace

double grad_norm(const std::vector<NamedTensor>& parameters) {
  const c10::NoGradGuard no_grad;
  Flat flat;
  std::vector<const float*> data;
  std::vector<Tensor> elsewhere;  // on a GPU
  double squares = 0;
  for (const NamedTensor& parameter : parameters) {
    const Tensor& gradient = parameter.tensor.grad();
    if (!gradient.defined()) continue;
    if (gradient.is_cpu() && gradient.scalar_type() == at::kFloat && gradient.is_contiguous()) {
      data.push_back(gradient.const_data_ptr<float>());
      flat.add(gradient.numel());
    } else if (gradient.is_cpu()) {
      const double norm = at::linalg_vector_norm(gradient, 2).item<double>();
      squares += norm * norm;
    } else {
      elsewhere.push_back(gradient);
    }
  }
  if (!elsewhere.empty()) {  // one wait, not one a tensor
    const Tensor norms = at::stack(at::_foreach_norm(elsewhere, 2, at::kFloat)).to(at::kDouble);
    squares += norms.square().sum().item<double>();
  }
  std::vector<double> by_lane(static_cast<size_t>(flat.lanes()));
  flat.each_slice([&](int64_t lane, size_t tensor, int64_t begin, int64_t end) {
    by_lane[static_cast<size_t>(lane)] += squares_of(data[tensor], begin, end);
  });
  for (double sum : by_lane) squares += sum;
  return std::sqrt(squares);
}

double clip_factor(double norm, double max_norm) {
  if (max_norm <= 0) return 1;
  return std::min(1.0, max_norm / (norm + 1e-6));
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
