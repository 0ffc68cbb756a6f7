// Storage of QuantizedMatrix: groups of 8 rows, laid out as cpu/quantized_kernels.cc reads them,
// and the arithmetic of single blocks as GGUF defines them.
#pragma once

#include <cstdint>

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

}  // namespace attune::engine::ops
