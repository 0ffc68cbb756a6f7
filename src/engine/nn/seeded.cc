// Apart from the rest because ATen's generator header defines a CHECK of its own.
#include "engine/nn/seeded.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/empty.h>

namespace attune::engine::nn {

void fill_normal(Tensor& tensor, double standard_deviation, uint64_t seed) {
  Tensor values = at::empty(tensor.sizes(), tensor.options().device(at::kCPU).requires_grad(false));
  values.normal_(0.0, standard_deviation, at::detail::createCPUGenerator(seed));
  tensor.copy_(values);
}

Tensor dropout(const Tensor& x, double share, uint64_t seed) {
  Tensor kept = at::empty(x.sizes(), x.options().device(at::kCPU).requires_grad(false));
  kept.bernoulli_(1.0 - share, at::detail::createCPUGenerator(seed));
  return x * kept.mul_(1.0 / (1.0 - share)).to(x.device());
}

}  // namespace attune::engine::nn
