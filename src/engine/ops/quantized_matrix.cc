#include "engine/ops/quantized_matrix.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.h"
#include "engine/ops/cpu/kernels.h"
#include "engine/ops/quantized_blocks.h"
#include "engine/tensor/autograd.h"
#include "engine/tensor/parallel.h"

namespace attune::engine::ops {
namespace {

constexpr int64_t kLaneBytes = 64 * 1024;  // weights a thread should at least read

class QuantizedLinear : public AutogradFunction<QuantizedLinear> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const QuantizedMatrix& weight) {
    ctx->saved_data["weight"] = at::IValue::make_capsule(c10::make_intrusive<Holder>(weight));
    return at::mm(x, weight.dequantize().to(x.scalar_type()).t());
  }

  static TensorList backward(AutogradContext* ctx, const TensorList& grads) {
    const auto holder =
        c10::static_intrusive_pointer_cast<Holder>(ctx->saved_data["weight"].toCapsule());
    const Tensor weight = holder->weight.dequantize().to(grads[0].scalar_type());
    return {at::mm(grads[0], weight), Tensor()};
  }

 private:
  struct Holder : torch::CustomClassHolder {
    explicit Holder(QuantizedMatrix w) : weight(std::move(w)) {}
    QuantizedMatrix weight;  // shares its bytes
  };
};

using Product = void (*)(const cpu::QuantizedRows&, const cpu::QuantizedInput&, float*, int64_t,
                         int64_t);

// The kernel for a format on this machine, or null.
Product product_for(BlockFormat format) {
  const cpu::KernelTable* kernels = cpu::kernels();
  if (kernels == nullptr) return nullptr;
  switch (format) {
    case BlockFormat::kQ8_0: return kernels->product_q8_0;
    case BlockFormat::kQ4_0: return kernels->product_q4_0;
    case BlockFormat::kQ4_1: return kernels->product_q4_1;
  }
  return nullptr;
}

}  // namespace

int64_t QuantizedMatrix::bytes() const { return blocks_->bytes.numel(); }

Tensor QuantizedMatrix::dequantize() const {
  Tensor out = at::empty({rows_, columns_}, at::kFloat);
  float* to = out.data_ptr<float>();
  run_lanes(lanes_for(rows_, 16), rows_, [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) blocks_->dequantize_row(r, to + r * columns_);
  });
  return out;
}

Tensor QuantizedMatrix::dequantize_rows(const Tensor& row_ids) const {
  const Tensor ids = row_ids.to(at::kLong).contiguous();
  Tensor out = at::empty({ids.numel(), columns_}, at::kFloat);
  const int64_t* id = ids.const_data_ptr<int64_t>();
  for (int64_t r = 0; r < ids.numel(); ++r) {
    CHECK(id[r] >= 0 && id[r] < rows_, "row {} of {}", id[r], rows_);
    blocks_->dequantize_row(id[r], out.data_ptr<float>() + r * columns_);
  }
  return out;
}

namespace {

// Activations as pairs of int8 rows: the rounded values, and what that rounding left, rounded
// again. Weights are read once for both, and the sum carries about 16 bits.
struct RoundedInput {
  Tensor values;  // [2 * batch, columns] int8
  Tensor scales;  // [2 * batch, blocks]
  Tensor sums;    // [2 * batch, blocks]

  void round(const float* x, int64_t row, int64_t blocks) {
    const int64_t columns = blocks * kBlockColumns;
    cpu::kernels()->quantize_input(x, blocks, values.data_ptr<int8_t>() + row * columns,
                                   scales.data_ptr<float>() + row * blocks,
                                   sums.data_ptr<float>() + row * blocks);
  }
};

RoundedInput round_twice(const Tensor& x, int64_t blocks) {
  const int64_t batch = x.size(0), columns = x.size(1);
  RoundedInput input{at::empty({2 * batch, columns}, at::kChar), at::empty({2 * batch, blocks}),
                     at::empty({2 * batch, blocks})};
  std::vector<float> rest(static_cast<size_t>(columns));
  for (int64_t n = 0; n < batch; ++n) {
    const float* row = x.const_data_ptr<float>() + n * columns;
    input.round(row, 2 * n, blocks);
    const int8_t* values = input.values.const_data_ptr<int8_t>() + 2 * n * columns;
    const float* scales = input.scales.const_data_ptr<float>() + 2 * n * blocks;
    for (int64_t i = 0; i < columns; ++i) {
      rest[static_cast<size_t>(i)] =
          row[i] - scales[i / kBlockColumns] * static_cast<float>(values[i]);
    }
    input.round(rest.data(), 2 * n + 1, blocks);
  }
  return input;
}

}  // namespace

Tensor quantized_product(const Tensor& x_in, const QuantizedMatrix& weight) {
  const Product product = product_for(weight.format());
  CHECK(product != nullptr, "no quantised kernels on this machine");
  const Tensor x = x_in.to(at::kFloat).contiguous();
  const int64_t batch = x.size(0), blocks = weight.blocks().blocks, out_rows = weight.rows();
  const RoundedInput rounded = round_twice(x, blocks);
  const cpu::QuantizedRows rows{weight.blocks().group(0), blocks, weight.blocks().group_bytes,
                                out_rows};
  const cpu::QuantizedInput input{rounded.values.const_data_ptr<int8_t>(),
                                  rounded.scales.const_data_ptr<float>(),
                                  rounded.sums.const_data_ptr<float>(), 2 * batch};
  Tensor parts = at::empty({batch, 2, out_rows});
  Tensor y = at::empty({batch, out_rows});
  const int64_t groups = (out_rows + kGroupRows - 1) / kGroupRows;
  run_lanes(lanes_for(weight.bytes(), kLaneBytes), groups,
            [&](int64_t, int64_t begin, int64_t end) {
              product(rows, input, parts.data_ptr<float>(), begin, end);
              const int64_t last = std::min(end * kGroupRows, out_rows);
              for (int64_t n = 0; n < batch; ++n) {
                const float* part = parts.const_data_ptr<float>() + 2 * n * out_rows;
                float* sum = y.data_ptr<float>() + n * out_rows;
                for (int64_t i = begin * kGroupRows; i < last; ++i) {
                  sum[i] = part[i] + part[out_rows + i];
                }
              }
            });
  return y;
}

Tensor quantized_linear(const Tensor& x, const QuantizedMatrix& weight) {
  CHECK(x.dim() == 2 && x.size(1) == weight.columns(), "x does not fit {} columns",
        weight.columns());
  const bool few = x.size(0) <= kQuantizedRowsMax && x.is_cpu() && !records_grad({x}) &&
                   product_for(weight.format()) != nullptr;
  if (few) return quantized_product(x, weight).to(x.scalar_type());
  return QuantizedLinear::apply(x, weight);
}

}  // namespace attune::engine::ops
