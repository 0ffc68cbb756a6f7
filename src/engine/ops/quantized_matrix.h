// Frozen weights in blocks of int8 or 4 bits, for LoRA over bases that do not fit otherwise and for
// CPU decoding, which is bound by reading weights.
//
// Formats: Q8_0 (32 int8 and one fp16 scale), Q4_0 (32 nibbles, scale), Q4_1 (32 nibbles, scale and
// minimum), as GGUF stores them; a matrix read from such a GGUF keeps its bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/tensor/tensor.h"

namespace attune::engine::ops {

enum class BlockFormat { kQ8_0, kQ4_0, kQ4_1 };

// An immutable [rows, columns] matrix of blocks along the columns; columns a multiple of 32.
// Thread-safe. Copies share the bytes.
class QuantizedMatrix {
 public:
  // Rounds a fp32 matrix [rows, columns] into blocks (kQ4_1 included).
  static QuantizedMatrix quantize(const Tensor& weight, BlockFormat format);
  // Takes blocks as GGUF lays them out, row by row.
  static QuantizedMatrix from_blocks(std::vector<uint8_t> blocks, int64_t rows, int64_t columns,
                                     BlockFormat format);

  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }
  BlockFormat format() const { return format_; }
  int64_t bytes() const;
  Tensor dequantize() const;  // [rows, columns] fp32
  Tensor dequantize_rows(const Tensor& row_ids) const;  // [R, columns] fp32 (embedding look-up)

  // Storage, repacked for kernels; ops/quantized_blocks.h.
  struct Blocks;
  const Blocks& blocks() const { return *blocks_; }

 private:
  QuantizedMatrix() = default;
  int64_t rows_ = 0;
  int64_t columns_ = 0;
  BlockFormat format_ = BlockFormat::kQ8_0;
  std::shared_ptr<const Blocks> blocks_;
};

// Up to this many rows go through the quantised kernels where nothing is recorded.
inline constexpr int64_t kQuantizedRowsMax = 64;

// x [N, columns] times the transposed matrix: [N, rows], in x's type. Differentiable in x only (the
// weights are frozen). Many rows, or recorded ones, go through a de-quantised copy and a matrix
// product, exact to rounding; few through quantized_product where this machine has kernels.
Tensor quantized_linear(const Tensor& x, const QuantizedMatrix& weight);

// The same with x rounded in blocks of 32 to whole steps of the largest magnitude m / 32258 (blocks
// with m < 1e-30 to zero);
// products are summed in integers. Per element it differs from the exact product by at most the sum
// over blocks of m / 254^2 * sum |w|, and by fp32 rounding. Only where kernels exist (x86-64); no
// gradient. x [N, columns] -> [N, rows] fp32.
Tensor quantized_product(const Tensor& x, const QuantizedMatrix& weight);

}  // namespace attune::engine::ops
