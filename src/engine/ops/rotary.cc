#include "engine/ops/rotary.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include <algorithm>

#include "base/check.h"
#include "engine/ops/cpu/kernels.h"
#include "engine/tensor/autograd.h"
#include "engine/tensor/parallel.h"

namespace attune::engine::ops {
namespace {

constexpr int64_t kLaneElements = 32768;  // below this a second thread costs more than it brings

// Rows of x may lie apart (a slice of a joint projection); heads and elements are contiguous.
Tensor run_rotary(const Tensor& x_in, const Tensor& cos, const Tensor& sin,
                  const Tensor& positions, bool backward) {
  const bool rows_apart = x_in.stride(2) == 1 && x_in.stride(1) == x_in.size(2);
  const Tensor x = rows_apart ? x_in : x_in.contiguous();
  Tensor y = at::empty(x.sizes(), x.options());
  cpu::RotaryRows job;
  job.x = x.const_data_ptr<float>();
  job.row_stride = x.stride(0);
  job.cos = cos.const_data_ptr<float>();
  job.sin = sin.const_data_ptr<float>();
  job.half = cos.size(1);
  job.positions = positions.const_data_ptr<int64_t>();
  job.heads = x.size(1);
  job.width = x.size(2);
  job.backward = backward;
  const int64_t rows = x.size(0), row_elements = std::max<int64_t>(x.size(1) * x.size(2), 1);
  run_lanes(lanes_for(rows, kLaneElements / row_elements), rows,
                 [&](int64_t, int64_t begin, int64_t end) {
                   cpu::kernels()->rotate(job, y.data_ptr<float>(), begin, end);
                 });
  return y;
}

class FusedRotary : public AutogradFunction<FusedRotary> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& cos,
                        const Tensor& sin, const Tensor& positions) {
    ctx->save_for_backward({cos, sin, positions});
    return run_rotary(x, cos, sin, positions, /*backward=*/false);
  }

  static TensorList backward(AutogradContext* ctx, const TensorList& grads) {
    const TensorList saved = ctx->get_saved_variables();
    return {run_rotary(grads[0], saved[0], saved[1], saved[2], /*backward=*/true), Tensor(),
            Tensor(), Tensor()};
  }
};

}  // namespace

RotaryTable make_rotary_table(const Tensor& inverse_frequencies, int64_t positions,
                              double attention_factor) {
  const Tensor angles = at::arange(positions, at::kFloat).unsqueeze(1) * inverse_frequencies;
  return {angles.cos() * attention_factor, angles.sin() * attention_factor};
}

Tensor rotate_reference(const Tensor& x, const RotaryTable& table, const Tensor& positions) {
  const int64_t half = table.cos.size(1);
  CHECK(2 * half <= x.size(2), "rotary dim {} of heads of {}", 2 * half, x.size(2));
  const auto type = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const Tensor cos = table.cos.index_select(0, positions).to(type).unsqueeze(1);
  const Tensor sin = table.sin.index_select(0, positions).to(type).unsqueeze(1);
  const Tensor low = x.narrow(2, 0, half).to(type);
  const Tensor high = x.narrow(2, half, half).to(type);
  std::vector<Tensor> parts{(low * cos - high * sin).to(x.scalar_type()),
                            (high * cos + low * sin).to(x.scalar_type())};
  if (2 * half < x.size(2)) parts.push_back(x.narrow(2, 2 * half, x.size(2) - 2 * half));
  return at::cat(parts, 2);
}

Tensor rotate(const Tensor& x, const RotaryTable& table, const Tensor& positions) {
  const int64_t half = table.cos.size(1);
  CHECK(2 * half <= x.size(2), "rotary dim {} of heads of {}", 2 * half, x.size(2));
  if (cpu::kernels() == nullptr || !x.is_cpu() || x.scalar_type() != at::kFloat) {
    return rotate_reference(x, table, positions);
  }
  return FusedRotary::apply(x, table.cos.contiguous(), table.sin.contiguous(),
                            positions.contiguous());
}

}  // namespace attune::engine::ops
