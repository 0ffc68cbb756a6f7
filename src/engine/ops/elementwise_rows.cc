#include "engine/ops/elementwise_rows.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>

#include "engine/ops/cpu/kernels.h"
#include "engine/tensor/parallel.h"

namespace attune::engine::ops {
namespace {

constexpr int64_t kLaneElements = 32768;  // below this a second thread costs more than it brings

cpu::NormRows job_of(const Tensor& x, const Tensor& weight, double epsilon, Tensor& inverse_rms) {
  return {x.const_data_ptr<float>(), weight.const_data_ptr<float>(), weight.numel(),
          static_cast<float>(epsilon), inverse_rms.data_ptr<float>()};
}

}  // namespace

bool row_kernels_fit(const Tensor& a, const Tensor& b) {
  return cpu::kernels() != nullptr && a.is_cpu() && b.is_cpu() &&
         a.scalar_type() == at::kFloat && b.scalar_type() == at::kFloat;
}

Tensor rms_norm_rows(const Tensor& x, const Tensor& weight, double epsilon, Tensor& inverse_rms) {
  const int64_t width = weight.numel(), rows = x.numel() / width;
  Tensor y = at::empty_like(x);
  const cpu::NormRows job = job_of(x, weight, epsilon, inverse_rms);
  run_lanes(lanes_for(rows, kLaneElements / width), rows,
            [&](int64_t, int64_t begin, int64_t end) {
              cpu::kernels()->rms_norm(job, y.data_ptr<float>(), begin, end);
            });
  return y;
}

std::pair<Tensor, Tensor> rms_norm_rows_backward(const Tensor& x, const Tensor& weight,
                                                 Tensor& inverse_rms, const Tensor& d_y) {
  const int64_t width = weight.numel(), rows = x.numel() / width;
  const int64_t lanes = lanes_for(rows, kLaneElements / width);
  Tensor d_x = at::empty_like(x), d_weight = at::zeros({lanes, width}, weight.options());
  const cpu::NormRows job = job_of(x, weight, 0, inverse_rms);
  run_lanes(lanes, rows, [&](int64_t lane, int64_t begin, int64_t end) {
    cpu::kernels()->rms_norm_backward(job, d_y.const_data_ptr<float>(), d_x.data_ptr<float>(),
                                      d_weight.data_ptr<float>() + lane * width, begin, end);
  });
  return {d_x, d_weight.sum(at::IntArrayRef{0})};
}

Tensor swiglu_rows(const Tensor& gate, const Tensor& up) {
  Tensor y = at::empty_like(gate);
  const int64_t count = gate.numel();
  run_lanes(lanes_for(count, kLaneElements), count, [&](int64_t, int64_t begin, int64_t end) {
    cpu::kernels()->swiglu(gate.const_data_ptr<float>() + begin,
                           up.const_data_ptr<float>() + begin, y.data_ptr<float>() + begin,
                           end - begin);
  });
  return y;
}

std::pair<Tensor, Tensor> swiglu_rows_backward(const Tensor& gate, const Tensor& up,
                                               const Tensor& d_y) {
  Tensor d_gate = at::empty_like(gate), d_up = at::empty_like(up);
  const int64_t count = gate.numel();
  run_lanes(lanes_for(count, kLaneElements), count, [&](int64_t, int64_t begin, int64_t end) {
    cpu::kernels()->swiglu_backward(
        gate.const_data_ptr<float>() + begin, up.const_data_ptr<float>() + begin,
        d_y.const_data_ptr<float>() + begin, d_gate.data_ptr<float>() + begin,
        d_up.data_ptr<float>() + begin, end - begin);
  });
  return {d_gate, d_up};
}

}  // namespace attune::engine::ops
