#include "engine/ops/elementwise.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/zeros.h>

#include "engine/ops/cpu/kernels.h"
#include "engine/tensor/autograd.h"
#include "engine/tensor/parallel.h"

namespace attune::engine::ops {
namespace {

constexpr int64_t kLaneElements = 32768;  // below this a second thread costs more than it brings

at::ScalarType statistics_type(const Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

bool kernels_fit(const Tensor& a, const Tensor& b) {
  return cpu::kernels() != nullptr && a.is_cpu() && b.is_cpu() &&
         a.scalar_type() == at::kFloat && b.scalar_type() == at::kFloat;
}

class FusedRmsNorm : public AutogradFunction<FusedRmsNorm> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& x_in, const Tensor& weight_in,
                        double epsilon) {
    const Tensor x = x_in.contiguous(), weight = weight_in.contiguous();
    const int64_t width = weight.numel(), rows = x.numel() / width;
    Tensor y = at::empty_like(x), inverse_rms = at::empty({rows}, x.options());
    const cpu::NormRows job = job_of(x, weight, epsilon, inverse_rms);
    run_lanes(lanes_for(rows, kLaneElements / width), rows,
                   [&](int64_t, int64_t begin, int64_t end) {
                     cpu::kernels()->rms_norm(job, y.data_ptr<float>(), begin, end);
                   });
    ctx->save_for_backward({x, weight, inverse_rms});
    return y;
  }

  static TensorList backward(AutogradContext* ctx, const TensorList& grads) {
    TensorList saved = ctx->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1];
    const Tensor outer = grads[0].contiguous();
    const int64_t width = weight.numel(), rows = x.numel() / width;
    const int64_t lanes = lanes_for(rows, kLaneElements / width);
    Tensor d_x = at::empty_like(x), d_weight = at::zeros({lanes, width}, weight.options());
    const cpu::NormRows job = job_of(x, weight, 0, saved[2]);
    run_lanes(lanes, rows, [&](int64_t lane, int64_t begin, int64_t end) {
      cpu::kernels()->rms_norm_backward(job, outer.const_data_ptr<float>(), d_x.data_ptr<float>(),
                                        d_weight.data_ptr<float>() + lane * width, begin, end);
    });
    return {d_x, d_weight.sum(at::IntArrayRef{0}), Tensor()};
  }

 private:
  static cpu::NormRows job_of(const Tensor& x, const Tensor& weight, double epsilon,
                              Tensor& inverse_rms) {
    return {x.const_data_ptr<float>(), weight.const_data_ptr<float>(), weight.numel(),
            static_cast<float>(epsilon), inverse_rms.data_ptr<float>()};
  }
};

class FusedSwiglu : public AutogradFunction<FusedSwiglu> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& gate_in, const Tensor& up_in) {
    const Tensor gate = gate_in.contiguous(), up = up_in.contiguous();
    Tensor y = at::empty_like(gate);
    const int64_t count = gate.numel();
    run_lanes(lanes_for(count, kLaneElements), count,
                   [&](int64_t, int64_t begin, int64_t end) {
                     cpu::kernels()->swiglu(gate.const_data_ptr<float>() + begin,
                                            up.const_data_ptr<float>() + begin,
                                            y.data_ptr<float>() + begin, end - begin);
                   });
    ctx->save_for_backward({gate, up});
    return y;
  }

  static TensorList backward(AutogradContext* ctx, const TensorList& grads) {
    const TensorList saved = ctx->get_saved_variables();
    const Tensor outer = grads[0].contiguous();
    Tensor d_gate = at::empty_like(saved[0]), d_up = at::empty_like(saved[1]);
    const int64_t count = outer.numel();
    run_lanes(lanes_for(count, kLaneElements), count,
                   [&](int64_t, int64_t begin, int64_t end) {
                     cpu::kernels()->swiglu_backward(
                         saved[0].const_data_ptr<float>() + begin,
                         saved[1].const_data_ptr<float>() + begin,
                         outer.const_data_ptr<float>() + begin, d_gate.data_ptr<float>() + begin,
                         d_up.data_ptr<float>() + begin, end - begin);
                   });
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
  if (!kernels_fit(x, weight)) return rms_norm_reference(x, weight, epsilon);
  return FusedRmsNorm::apply(x, weight, epsilon);
}

Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon) {
  return at::layer_norm(x, weight.sizes(), weight, bias, epsilon);
}

Tensor swiglu(const Tensor& gate, const Tensor& up) {
  if (!kernels_fit(gate, up)) return swiglu_reference(gate, up);
  return FusedSwiglu::apply(gate, up);
}

Tensor geglu(const Tensor& gate, const Tensor& up, bool tanh) { return gelu(gate, tanh) * up; }

Tensor gelu(const Tensor& x, bool tanh) { return at::gelu(x, tanh ? "tanh" : "none"); }

}  // namespace attune::engine::ops
