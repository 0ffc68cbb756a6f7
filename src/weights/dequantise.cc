#include <algorithm>

#include "weights/half.h"
#include "weights/quant_blocks.h"

namespace attune::weights {
namespace {

using quant_internal::Decoder;

constexpr int kBlock = 32;
constexpr int kHalf = 16;

template <typename T>
void widen(const uint8_t* blocks, int64_t count, float* out) {
  for (int64_t i = 0; i < count; ++i) {
    out[i] = static_cast<float>(load<T>(blocks + i * static_cast<int64_t>(sizeof(T))));
  }
}

void widen_half(const uint8_t* blocks, int64_t count, float* out) {
  for (int64_t i = 0; i < count; ++i) out[i] = half_to_float(load<uint16_t>(blocks + 2 * i));
}

void widen_bf16(const uint8_t* blocks, int64_t count, float* out) {
  for (int64_t i = 0; i < count; ++i) out[i] = bf16_to_float(load<uint16_t>(blocks + 2 * i));
}

void widen_bool(const uint8_t* blocks, int64_t count, float* out) {
  for (int64_t i = 0; i < count; ++i) out[i] = blocks[i] != 0 ? 1.0f : 0.0f;
}

// Low nibbles are the first 16 elements of a block, high nibbles the last 16.
void decode_q4_0(const uint8_t* blocks, int64_t count, float* out) {
  for (int64_t b = 0; b < count; ++b, blocks += 18, out += kBlock) {
    float d = half_to_float(load<uint16_t>(blocks));
    const uint8_t* qs = blocks + 2;
    for (int j = 0; j < kHalf; ++j) {
      out[j] = d * static_cast<float>((qs[j] & 15) - 8);
      out[j + kHalf] = d * static_cast<float>((qs[j] >> 4) - 8);
    }
  }
}

void decode_q4_1(const uint8_t* blocks, int64_t count, float* out) {
  for (int64_t b = 0; b < count; ++b, blocks += 20, out += kBlock) {
    float d = half_to_float(load<uint16_t>(blocks));
    float m = half_to_float(load<uint16_t>(blocks + 2));
    const uint8_t* qs = blocks + 4;
    for (int j = 0; j < kHalf; ++j) {
      out[j] = d * static_cast<float>(qs[j] & 15) + m;
      out[j + kHalf] = d * static_cast<float>(qs[j] >> 4) + m;
    }
  }
}

// The fifth bit of element j is bit j of a 32-bit word before the nibbles.
int fifth_bit(uint32_t high, int j) {
  return static_cast<int>((high >> j) & 1u) << 4;
}

void decode_q5_0(const uint8_t* blocks, int64_t count, float* out) {
  for (int64_t b = 0; b < count; ++b, blocks += 22, out += kBlock) {
    float d = half_to_float(load<uint16_t>(blocks));
    uint32_t high = load<uint32_t>(blocks + 2);
    const uint8_t* qs = blocks + 6;
    for (int j = 0; j < kHalf; ++j) {
      out[j] = d * static_cast<float>(((qs[j] & 15) | fifth_bit(high, j)) - 16);
      out[j + kHalf] = d * static_cast<float>(((qs[j] >> 4) | fifth_bit(high, j + kHalf)) - 16);
    }
  }
}

void decode_q5_1(const uint8_t* blocks, int64_t count, float* out) {
  for (int64_t b = 0; b < count; ++b, blocks += 24, out += kBlock) {
    float d = half_to_float(load<uint16_t>(blocks));
    float m = half_to_float(load<uint16_t>(blocks + 2));
    uint32_t high = load<uint32_t>(blocks + 4);
    const uint8_t* qs = blocks + 8;
    for (int j = 0; j < kHalf; ++j) {
      out[j] = d * static_cast<float>((qs[j] & 15) | fifth_bit(high, j)) + m;
      out[j + kHalf] = d * static_cast<float>((qs[j] >> 4) | fifth_bit(high, j + kHalf)) + m;
    }
  }
}

void decode_q8_0(const uint8_t* blocks, int64_t count, float* out) {
  for (int64_t b = 0; b < count; ++b, blocks += 34, out += kBlock) {
    float d = half_to_float(load<uint16_t>(blocks));
    for (int j = 0; j < kBlock; ++j) {
      out[j] = static_cast<float>(static_cast<int8_t>(blocks[2 + j])) * d;
    }
  }
}

Decoder decoder_of(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return widen<float>;
    case DType::kF64:
      return widen<double>;
    case DType::kF16:
      return widen_half;
    case DType::kBF16:
      return widen_bf16;
    case DType::kI8:
      return widen<int8_t>;
    case DType::kI16:
      return widen<int16_t>;
    case DType::kI32:
      return widen<int32_t>;
    case DType::kI64:
      return widen<int64_t>;
    case DType::kU8:
      return widen<uint8_t>;
    case DType::kU16:
      return widen<uint16_t>;
    case DType::kU32:
      return widen<uint32_t>;
    case DType::kU64:
      return widen<uint64_t>;
    case DType::kBool:
      return widen_bool;
    case DType::kQ4_0:
      return decode_q4_0;
    case DType::kQ4_1:
      return decode_q4_1;
    case DType::kQ5_0:
      return decode_q5_0;
    case DType::kQ5_1:
      return decode_q5_1;
    case DType::kQ8_0:
      return decode_q8_0;
    default:
      return quant_internal::k_block_decoder(dtype);
  }
}

}  // namespace

Status rows_to_float(const TensorView& tensor, int64_t first_row, int64_t row_count,
                     std::span<float> out) {
  size_t bytes = TRY(byte_count(tensor.dtype, tensor.shape));
  if (bytes != tensor.bytes) {
    return invalid_input("tensor {}: {} of shape {} needs {} bytes, there are {}", tensor.name,
                         to_string(tensor.dtype), shape_text(tensor.shape), bytes, tensor.bytes);
  }
  int64_t elements = TRY(element_count(tensor.shape));
  int64_t row_size = tensor.shape.empty() ? 1 : tensor.shape.back();
  int64_t rows = row_size == 0 ? 0 : elements / row_size;
  if (first_row < 0 || row_count < 0 || first_row > rows || row_count > rows - first_row) {
    return invalid_input("tensor {}: rows {} to {} of {} rows", tensor.name, first_row,
                         first_row + row_count, rows);
  }
  if (out.size() != static_cast<size_t>(row_count * row_size)) {
    return invalid_input("tensor {}: {} floats for {} rows of {}", tensor.name, out.size(),
                         row_count, row_size);
  }
  Decoder decode = decoder_of(tensor.dtype);
  if (decode == nullptr) {
    return unsupported(
        "tensor {}: type {} cannot be read as floats; convert the model to BF16 first", tensor.name,
        to_string(tensor.dtype));
  }
  int64_t blocks_per_row = row_size / block_elements(tensor.dtype);
  const uint8_t* begin = tensor.data + first_row * blocks_per_row * block_bytes(tensor.dtype);
  if (!out.empty()) decode(begin, row_count * blocks_per_row, out.data());
  return {};
}

Status to_float(const TensorView& tensor, std::span<float> out) {
  int64_t elements = TRY(element_count(tensor.shape));
  int64_t row_size = tensor.shape.empty() ? 1 : tensor.shape.back();
  return rows_to_float(tensor, 0, row_size == 0 ? 0 : elements / row_size, out);
}

}  // namespace attune::weights
