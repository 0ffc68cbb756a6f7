#include "engine/objectives/nll.h"

#include <ATen/ops/exp.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/sum.h>

namespace attune::engine::objectives {
namespace {

Tensor masked_mean(const Tensor& terms, const Tensor& mask, double normaliser) {
  const Tensor kept = mask.defined() ? at::mul(terms, mask.to(terms.scalar_type())) : terms;
  return at::sum(kept) * (-1.0 / normaliser);
}

}  // namespace

Tensor nll(const Tensor& log_probs, const Tensor& mask, double normaliser) {
  return masked_mean(log_probs, mask, normaliser);
}

Tensor dft(const Tensor& log_probs, const Tensor& mask, double normaliser) {
  return masked_mean(at::mul(at::exp(log_probs.detach()), log_probs), mask, normaliser);
}

}  // namespace attune::engine::objectives
