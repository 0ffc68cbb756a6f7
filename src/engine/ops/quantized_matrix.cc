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

// The kernel for a format on this machine, or null.
QuantizedProduct::Kernel product_for(BlockFormat format) {
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

// The tensors behind a cpu::QuantizedInput.
struct RoundedInput {
  Tensor wide;    // [batch, columns] int16
  Tensor planes;  // [batch, 2, columns] int8
  Tensor steps;   // [batch, blocks]
  Tensor sums;    // [batch, blocks]

  cpu::QuantizedInput view() const {
    return {wide.const_data_ptr<int16_t>(), planes.const_data_ptr<int8_t>(),
            steps.const_data_ptr<float>(), sums.const_data_ptr<float>(), wide.size(0)};
  }
};

RoundedInput round_rows(const Tensor& x, int64_t blocks) {
  const int64_t batch = x.size(0), columns = x.size(1);
  RoundedInput input{at::empty({batch, columns}, at::kShort),
                     at::empty({batch, 2, columns}, at::kChar), at::empty({batch, blocks}),
                     at::empty({batch, blocks})};
  for (int64_t n = 0; n < batch; ++n) {
    cpu::kernels()->quantize_input(x.const_data_ptr<float>() + n * columns, blocks,
                                   input.wide.data_ptr<int16_t>() + n * columns,
                                   input.planes.data_ptr<int8_t>() + 2 * n * columns,
                                   input.steps.data_ptr<float>() + n * blocks,
                                   input.sums.data_ptr<float>() + n * blocks);
  }
  return input;
}

}  // namespace

QuantizedProduct::QuantizedProduct(const QuantizedMatrix& weight)
    : kernel_(product_for(weight.format())), bytes_(weight.bytes()) {
  const QuantizedMatrix::Blocks& blocks = weight.blocks();
  rows_ = {blocks.group(0), blocks.blocks, blocks.group_bytes, weight.rows()};
}

int64_t QuantizedProduct::groups() const { return (rows_.rows + kGroupRows - 1) / kGroupRows; }

Tensor quantized_product(const Tensor& x_in, const QuantizedMatrix& weight) {
  const QuantizedProduct product(weight);
  CHECK(product.present(), "no quantised kernels on this machine");
  const Tensor x = x_in.to(at::kFloat).contiguous();
  const int64_t batch = x.size(0);
  const RoundedInput rounded = round_rows(x, weight.blocks().blocks);
  const cpu::QuantizedInput input = rounded.view();
  Tensor y = at::empty({batch, weight.rows()});
  run_lanes(lanes_for(weight.bytes(), kLaneBytes), product.groups(),
            [&](int64_t, int64_t begin, int64_t end) {
              product.run(input, y.data_ptr<float>(), begin, end);
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
