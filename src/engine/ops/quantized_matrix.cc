#include "engine/ops/quantized_matrix.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <c10/util/Half.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "engine/tensor/autograd.h"

namespace attune::engine::ops {

struct QuantizedMatrix::Blocks {
  std::vector<uint8_t> bytes;
};

namespace {

constexpr int64_t kBlock = 32;  // weights a block

int64_t block_bytes(BlockFormat format) {
  switch (format) {
    case BlockFormat::kQ8_0: return 2 + 32;
    case BlockFormat::kQ4_0: return 2 + 16;
    case BlockFormat::kQ4_1: return 4 + 16;
  }
  return 0;
}

float read_half(const uint8_t* bytes) {
  c10::Half half;
  std::memcpy(&half.x, bytes, 2);
  return static_cast<float>(half);
}

void write_half(float value, uint8_t* bytes) {
  const c10::Half half(value);
  std::memcpy(bytes, &half.x, 2);
}

// One block of each format, as GGUF lays it out: weight i of a 4-bit block is the low nibble of byte
// i, weight i + 16 its high nibble.
void dequantize_block(const uint8_t* block, BlockFormat format, float* out) {
  const float scale = read_half(block);
  if (format == BlockFormat::kQ8_0) {
    for (int i = 0; i < 32; ++i) {
      out[i] = scale * static_cast<float>(static_cast<int8_t>(block[2 + i]));
    }
    return;
  }
  const bool has_minimum = format == BlockFormat::kQ4_1;
  const float minimum = has_minimum ? read_half(block + 2) : -8.0f * scale;
  const uint8_t* nibbles = block + (has_minimum ? 4 : 2);
  for (int i = 0; i < 16; ++i) {
    out[i] = scale * static_cast<float>(nibbles[i] & 15) + minimum;
    out[i + 16] = scale * static_cast<float>(nibbles[i] >> 4) + minimum;
  }
}

uint8_t clamped(float value, int low, int high) {
  const int rounded = static_cast<int>(std::lround(value));
  return static_cast<uint8_t>(std::clamp(rounded, low, high));
}

void quantize_block(const float* x, BlockFormat format, uint8_t* block) {
  const auto [low, high] = std::minmax_element(x, x + kBlock);
  const float extreme = std::fabs(*low) > std::fabs(*high) ? *low : *high;
  if (format == BlockFormat::kQ8_0) {
    const float scale = std::fabs(extreme) / 127.0f;
    const float inverse = scale > 0 ? 1.0f / scale : 0.0f;
    write_half(scale, block);
    for (int i = 0; i < 32; ++i) {
      block[2 + i] = static_cast<uint8_t>(static_cast<int8_t>(std::lround(x[i] * inverse)));
    }
    return;
  }
  const bool has_minimum = format == BlockFormat::kQ4_1;
  // Q4_0 puts the element of largest magnitude exactly on level 0 (= -8 steps).
  const float scale = has_minimum ? (*high - *low) / 15.0f : extreme / -8.0f;
  const float offset = has_minimum ? -*low : 8.0f * scale;
  const float inverse = scale != 0 ? 1.0f / scale : 0.0f;
  write_half(scale, block);
  if (has_minimum) write_half(*low, block + 2);
  uint8_t* nibbles = block + (has_minimum ? 4 : 2);
  for (int i = 0; i < 16; ++i) {
    const uint8_t first = clamped((x[i] + offset) * inverse, 0, 15);
    const uint8_t second = clamped((x[i + 16] + offset) * inverse, 0, 15);
    nibbles[i] = static_cast<uint8_t>(first | (second << 4));
  }
}

void dequantize_row(const uint8_t* row, BlockFormat format, int64_t columns, float* out) {
  for (int64_t c = 0; c < columns; c += kBlock) {
    dequantize_block(row + c / kBlock * block_bytes(format), format, out + c);
  }
}

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

}  // namespace

QuantizedMatrix QuantizedMatrix::quantize(const Tensor& weight, BlockFormat format) {
  CHECK(weight.dim() == 2 && weight.size(1) % kBlock == 0, "columns must be a multiple of 32");
  const Tensor source = weight.detach().to(at::kFloat).contiguous();
  const int64_t blocks = source.numel() / kBlock;
  std::vector<uint8_t> bytes(static_cast<size_t>(blocks * block_bytes(format)));
  const float* x = source.data_ptr<float>();
  for (int64_t b = 0; b < blocks; ++b) {
    quantize_block(x + b * kBlock, format, bytes.data() + b * block_bytes(format));
  }
  return from_blocks(std::move(bytes), weight.size(0), weight.size(1), format);
}

QuantizedMatrix QuantizedMatrix::from_blocks(std::vector<uint8_t> blocks, int64_t rows,
                                             int64_t columns, BlockFormat format) {
  CHECK(columns % kBlock == 0, "{} columns are no multiple of 32", columns);
  CHECK(static_cast<int64_t>(blocks.size()) == rows * (columns / kBlock) * block_bytes(format),
        "{} bytes for {} x {}", blocks.size(), rows, columns);
  QuantizedMatrix matrix;
  matrix.rows_ = rows;
  matrix.columns_ = columns;
  matrix.format_ = format;
  matrix.blocks_ = std::make_shared<const Blocks>(Blocks{std::move(blocks)});
  return matrix;
}

int64_t QuantizedMatrix::bytes() const { return static_cast<int64_t>(blocks_->bytes.size()); }

Tensor QuantizedMatrix::dequantize() const {
  Tensor out = at::empty({rows_, columns_}, at::kFloat);
  const int64_t stride = columns_ / kBlock * block_bytes(format_);
  for (int64_t r = 0; r < rows_; ++r) {
    dequantize_row(blocks_->bytes.data() + r * stride, format_, columns_,
                   out.data_ptr<float>() + r * columns_);
  }
  return out;
}

Tensor QuantizedMatrix::dequantize_rows(const Tensor& row_ids) const {
  const Tensor ids = row_ids.to(at::kLong).contiguous();
  Tensor out = at::empty({ids.numel(), columns_}, at::kFloat);
  const int64_t stride = columns_ / kBlock * block_bytes(format_);
  const int64_t* id = ids.data_ptr<int64_t>();
  for (int64_t r = 0; r < ids.numel(); ++r) {
    CHECK(id[r] >= 0 && id[r] < rows_, "row {} of {}", id[r], rows_);
    dequantize_row(blocks_->bytes.data() + id[r] * stride, format_, columns_,
                   out.data_ptr<float>() + r * columns_);
  }
  return out;
}

Tensor quantized_linear(const Tensor& x, const QuantizedMatrix& weight) {
  CHECK(x.dim() == 2 && x.size(1) == weight.columns(), "x does not fit {} columns",
        weight.columns());
  return QuantizedLinear::apply(x, weight);
}

}  // namespace attune::engine::ops
