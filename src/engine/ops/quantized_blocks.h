// Storage of QuantizedMatrix: groups of 8 rows, laid out as cpu/quantized_kernels.cc reads them,
// and the arithmetic of single blocks as GGUF defines them.
#pragma once

#include <cstdint>

#include "engine/ops/cpu/kernels.h"
#include "engine/ops/quantized_matrix.h"

namespace attune::engine::ops {

inline constexpr int64_t kBlockColumns = 32;
inline constexpr int64_t kGroupRows = 8;

int64_t gguf_block_bytes(BlockFormat format);
// Rounds 32 floats into one GGUF block.
void quantize_gguf_block(const float* x, BlockFormat format, uint8_t* block);

struct QuantizedMatrix::Blocks {
  Tensor bytes;             // uint8, 64-byte aligned
  int64_t group_bytes = 0;
  int64_t blocks = 0;       // a row
  BlockFormat format = BlockFormat::kQ8_0;

  const uint8_t* group(int64_t index) const {
    return bytes.const_data_ptr<uint8_t>() + index * group_bytes;
  }
  // Row `row` as floats, blocks * 32 of them.
  void dequantize_row(int64_t row, float* out) const;
};

// The product of a matrix with rounded activations, one range of its groups at a time: for callers
// that share the work out among threads themselves. The matrix must live as long.
class QuantizedProduct {
 public:
  using Kernel = void (*)(const cpu::QuantizedRows&, const cpu::QuantizedInput&, float*, int64_t,
                          int64_t);

  explicit QuantizedProduct(const QuantizedMatrix& weight);

  bool present() const { return kernel_ != nullptr; }  // whether this machine has the kernel
  int64_t rows() const { return rows_.rows; }
  int64_t columns() const { return rows_.blocks * kBlockColumns; }
  int64_t groups() const;  // of kGroupRows rows, the last of which may be padded
  int64_t bytes() const { return bytes_; }

  // Asks memory for the first groups from `group` on, for a run() that comes soon.
  void fetch(int64_t group) const {
    constexpr int64_t kBytes = 6 * 1024;
    const uint8_t* begin = rows_.groups + group * rows_.group_bytes;
    for (int64_t i = 0; i < kBytes; i += 64) __builtin_prefetch(begin + i, 0, 2);
  }

  // y [batch, rows] at the rows of groups [begin, end).
  void run(const cpu::QuantizedInput& input, float* y, int64_t begin, int64_t end) const {
    kernel_(rows_, input, y, begin, end);
  }

 private:
  Kernel kernel_;
  cpu::QuantizedRows rows_;
  int64_t bytes_;
};

}  // namespace attune::engine::ops
