#include "engine/ops/elementwise.h"

#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/silu.h>

namespace attune::engine::ops {
namespace {

at::ScalarType statistics_type(const Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

}  // namespace

Tensor rms_norm_reference(const Tensor& x, const Tensor& weight, double epsilon) {
  const Tensor wide = x.to(statistics_type(x));
  const Tensor mean_square = wide.pow(2).mean(at::IntArrayRef{-1}, /*keepdim=*/true);
  return (wide * at::rsqrt(mean_square + epsilon)).to(x.scalar_type()) * weight;
}

Tensor swiglu_reference(const Tensor& gate, const Tensor& up) { return at::silu(gate) * up; }

Tensor rms_norm(const Tensor& x, const Tensor& weight, double epsilon) {
  return rms_norm_reference(x, weight, epsilon);
}

Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon) {
  return at::layer_norm(x, weight.sizes(), weight, bias, epsilon);
}

Tensor swiglu(const Tensor& gate, const Tensor& up) { return swiglu_reference(gate, up); }

Tensor geglu(const Tensor& gate, const Tensor& up, bool tanh) { return gelu(gate, tanh) * up; }

Tensor gelu(const Tensor& x, bool tanh) { return at::gelu(x, tanh ? "tanh" : "none"); }

}  // namespace attune::engine::ops
