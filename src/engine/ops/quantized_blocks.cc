#include "engine/ops/quantized_blocks.h"

#include <ATen/ops/zeros.h>
#include <c10/util/Half.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "engine/tensor/parallel.h"

namespace attune::engine::ops {
namespace {

float read_half(const uint8_t* bytes) {
  c10::Half half;
  std::memcpy(&half.x, bytes, 2);
  return static_cast<float>(half);
}

void write_half(float value, uint8_t* bytes) {
  const uint16_t half = c10::detail::fp16_ieee_from_fp32_value(value);  // on every processor
  std::memcpy(bytes, &half, 2);
}

uint8_t clamped(float value, int low, int high) {
  const int rounded = static_cast<int>(std::lround(value));
  return static_cast<uint8_t>(std::clamp(rounded, low, high));
}

int64_t quant_bytes(BlockFormat format) { return format == BlockFormat::kQ8_0 ? 32 : 16; }
bool has_minimum(BlockFormat format) { return format == BlockFormat::kQ4_1; }

// Where byte `index` of a row's block lies in the group's block: four columns stay together.
int64_t interleaved(int64_t row, int64_t index) {
  return index / 4 * (4 * kGroupRows) + row * 4 + index % 4;
}

// Copies one GGUF block of row `row` (0..7) into its group.
void place_block(const uint8_t* block, BlockFormat format, int64_t row, int64_t index,
                 int64_t blocks, uint8_t* group) {
  const int64_t quants = quant_bytes(format), all = blocks * quants * kGroupRows;
  uint8_t* scales = group + all + (index * kGroupRows + row) * 2;
  std::memcpy(scales, block, 2);
  if (has_minimum(format)) std::memcpy(scales + blocks * kGroupRows * 2, block + 2, 2);
  const uint8_t* from = block + (has_minimum(format) ? 4 : 2);
  uint8_t* to = group + index * quants * kGroupRows;
  for (int64_t i = 0; i < quants; ++i) to[interleaved(row, i)] = from[i];
}

}  // namespace

int64_t gguf_block_bytes(BlockFormat format) {
  return quant_bytes(format) + (has_minimum(format) ? 4 : 2);
}

void quantize_gguf_block(const float* x, BlockFormat format, uint8_t* block) {
  const auto [low, high] = std::minmax_element(x, x + kBlockColumns);
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
  // Q4_0 puts the element of largest magnitude exactly on level 0 (= -8 steps).
  const float scale = has_minimum(format) ? (*high - *low) / 15.0f : extreme / -8.0f;
  const float offset = has_minimum(format) ? -*low : 8.0f * scale;
  const float inverse = scale != 0 ? 1.0f / scale : 0.0f;
  write_half(scale, block);
  if (has_minimum(format)) write_half(*low, block + 2);
  uint8_t* nibbles = block + (has_minimum(format) ? 4 : 2);
  for (int i = 0; i < 16; ++i) {
    const uint8_t first = clamped((x[i] + offset) * inverse, 0, 15);
    const uint8_t second = clamped((x[i + 16] + offset) * inverse, 0, 15);
    nibbles[i] = static_cast<uint8_t>(first | (second << 4));
  }
}

void QuantizedMatrix::Blocks::dequantize_row(int64_t row, float* out) const {
  const uint8_t* base = group(row / kGroupRows);
  const int64_t lane = row % kGroupRows, quants = quant_bytes(format);
  const uint8_t* scales = base + blocks * quants * kGroupRows + lane * 2;
  for (int64_t b = 0; b < blocks; ++b, out += kBlockColumns) {
    const uint8_t* values = base + b * quants * kGroupRows + lane * 4;
    const float scale = read_half(scales + b * kGroupRows * 2);
    if (format == BlockFormat::kQ8_0) {
      for (int64_t i = 0; i < 32; ++i) {
        const auto value = static_cast<int8_t>(values[interleaved(0, i)]);
        out[i] = scale * static_cast<float>(value);
      }
      continue;
    }
    const float minimum = has_minimum(format)
                              ? read_half(scales + (blocks + b) * kGroupRows * 2)
                              : -8.0f * scale;
    for (int64_t i = 0; i < 16; ++i) {
      const uint8_t both = values[interleaved(0, i)];
      out[i] = scale * static_cast<float>(both & 15) + minimum;
      out[i + 16] = scale * static_cast<float>(both >> 4) + minimum;
    }
  }
}

QuantizedMatrix QuantizedMatrix::quantize(const Tensor& weight, BlockFormat format) {
  CHECK(weight.dim() == 2 && weight.size(1) % kBlockColumns == 0,
        "columns must be a multiple of 32");
  const Tensor source = weight.detach().to(at::kFloat).contiguous();
  const int64_t blocks = source.numel() / kBlockColumns, size = gguf_block_bytes(format);
  std::vector<uint8_t> bytes(static_cast<size_t>(blocks * size));
  const float* x = source.const_data_ptr<float>();
  run_lanes(lanes_for(blocks, 1024), blocks, [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      quantize_gguf_block(x + b * kBlockColumns, format, bytes.data() + b * size);
    }
  });
  return from_blocks(std::move(bytes), weight.size(0), weight.size(1), format);
}

QuantizedMatrix QuantizedMatrix::from_blocks(std::vector<uint8_t> source, int64_t rows,
                                             int64_t columns, BlockFormat format) {
  const int64_t blocks = columns / kBlockColumns, size = gguf_block_bytes(format);
  CHECK(columns % kBlockColumns == 0, "{} columns are no multiple of 32", columns);
  CHECK(static_cast<int64_t>(source.size()) == rows * blocks * size, "{} bytes for {} x {}",
        source.size(), rows, columns);
  const int64_t groups = (rows + kGroupRows - 1) / kGroupRows;
  auto stored = std::make_shared<Blocks>();
  stored->group_bytes = blocks * size * kGroupRows;
  stored->blocks = blocks;
  stored->format = format;
  stored->bytes = at::zeros({groups * stored->group_bytes}, at::kByte);
  uint8_t* to = stored->bytes.data_ptr<uint8_t>();
  run_lanes(lanes_for(groups, 8), groups, [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t row = begin * kGroupRows; row < std::min(end * kGroupRows, rows); ++row) {
      for (int64_t b = 0; b < blocks; ++b) {
        place_block(source.data() + (row * blocks + b) * size, format, row % kGroupRows, b, blocks,
                    to + row / kGroupRows * stored->group_bytes);
      }
    }
  });
  QuantizedMatrix matrix;
  matrix.rows_ = rows;
  matrix.columns_ = columns;
  matrix.format_ = format;
  matrix.blocks_ = std::move(stored);
  return matrix;
}

}  // namespace attune::engine::ops
