#include "engine/ops/elementwise.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/rms_norm.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/silu.h>

#include "engine/ops/elementwise_rows.h"
#include "engine/tensor/autograd.h"

namespace attune::engine::ops {
namespace {

at::ScalarType statistics_type(const Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

class FusedRmsNorm : public AutogradFunction<FusedRmsNorm> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& x_in, const Tensor& weight_in,
                        double epsilon) {
    const Tensor x = x_in.contiguous(), weight = weight_in.contiguous();
    Tensor inverse_rms = at::empty({x.numel() / weight.numel()}, x.options());
    const Tensor y = rms_norm_rows(x, weight, epsilon, inverse_rms);
    ctx->save_for_backward({x, weight, inverse_rms});
    return y;
  }

  static TensorList backward(AutogradContext* ctx, const TensorList& grads) {
    TensorList saved = ctx->get_saved_variables();
    const auto [d_x, d_weight] =
        rms_norm_rows_backward(saved[0], saved[1], saved[2], grads[0].contiguous());
    return {d_x, d_weight, Tensor()};
  }
};

class FusedSwiglu : public AutogradFunction<FusedSwiglu> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& gate_in, const Tensor& up_in) {
    const Tensor gate = gate_in.contiguous(), up = up_in.contiguous();
    ctx->save_for_backward({gate, up});
    return swiglu_rows(gate, up);
  }

  static TensorList backward(AutogradContext* ctx, const TensorList& grads) {
    const TensorList saved = ctx->get_saved_variables();
    const auto [d_gate, d_up] = swiglu_rows_backward(saved[0], saved[1], grads[0].contiguous());
    return {d_gate, d_up};
  }
};

}  // namespace

Tensor rms_norm_reference(const Tensor& x, const Tensor& weight, double epsilon) {
  const Tensor wide = x.to(statistics_type(x));
  const Tensor mean_square = wide.pow(2).mean(at::IntArrayRef{-1}, /*keepdim=*/true);
  return (wide * at::rsqrt(mean_square + epsilon)).to(x.scalar_type()) * weight;
}

Tensor swiglu_reference(const Tensor& gate, const Tensor& up) { return at::silu(gate) * up; }

Tensor rms_norm(const Tensor& x, const Tensor& weight, double epsilon) {
  if (x.is_cuda()) return at::rms_norm(x, weight.sizes(), weight, epsilon);  // one kernel there
  if (!row_kernels_fit(x, weight)) return rms_norm_reference(x, weight, epsilon);
  return FusedRmsNorm::apply(x, weight, epsilon);
}

Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon) {
  return at::layer_norm(x, weight.sizes(), weight, bias, epsilon);
}

Tensor swiglu(const Tensor& gate, const Tensor& up) {
  if (!row_kernels_fit(gate, up)) return swiglu_reference(gate, up);
  return FusedSwiglu::apply(gate, up);
}

Tensor geglu(const Tensor& gate, const Tensor& up, bool tanh) { return gelu(gate, tanh) * up; }

Tensor gelu(const Tensor& x, bool tanh) { return at::gelu(x, tanh ? "tanh" : "none"); }

}  // namespace attune::engine::ops
