#include <algorithm>
#include <cmath>

#include "weights/half.h"
#include "weights/quant_blocks.h"

namespace attune::weights {
namespace {

constexpr int kBlock = 32;
constexpr int kHalf = 16;
constexpr float kHalfMax = 65504.0f;

float inverse(float d) {
  return d == 0.0f ? 0.0f : 1.0f / d;
}

// False when the scale overflows F16.
bool encode_q8_0(const float* x, uint8_t* block) {
  float largest = 0.0f;
  for (int j = 0; j < kBlock; ++j) largest = std::max(largest, std::fabs(x[j]));
  float d = largest / 127.0f;
  float id = inverse(d);
  store(block, float_to_half(d));
  for (int j = 0; j < kBlock; ++j) {
    float q = std::clamp(std::round(x[j] * id), -127.0f, 127.0f);
    block[2 + j] = static_cast<uint8_t>(static_cast<int8_t>(q));
  }
  return d <= kHalfMax;
}

uint8_t nibble(float q) {
  return static_cast<uint8_t>(std::clamp(std::trunc(q), 0.0f, 15.0f));
}

bool encode_q4_0(const float* x, uint8_t* block) {
  float extreme = 0.0f;  // the value of largest magnitude, with its sign
  for (int j = 0; j < kBlock; ++j) {
    if (std::fabs(x[j]) > std::fabs(extreme)) extreme = x[j];
  }
  float d = extreme / -8.0f;
  float id = inverse(d);
  store(block, float_to_half(d));
  for (int j = 0; j < kHalf; ++j) {
    int low = nibble(x[j] * id + 8.5f), high = nibble(x[j + kHalf] * id + 8.5f);
    block[2 + j] = static_cast<uint8_t>(low | (high << 4));
  }
  return std::fabs(d) <= kHalfMax;
}

bool encode_q4_1(const float* x, uint8_t* block) {
  auto [least, most] = std::minmax_element(x, x + kBlock);
  float minimum = *least;
  float d = (*most - minimum) / 15.0f;
  float id = inverse(d);
  store(block, float_to_half(d));
  store(block + 2, float_to_half(minimum));
  for (int j = 0; j < kHalf; ++j) {
    int low = nibble((x[j] - minimum) * id + 0.5f);
    int high = nibble((x[j + kHalf] - minimum) * id + 0.5f);
    block[4 + j] = static_cast<uint8_t>(low | (high << 4));
  }
  return d <= kHalfMax && std::fabs(minimum) <= kHalfMax;
}

Status encode_blocks(DType dtype, std::span<const float> in, std::span<uint8_t> out) {
  auto encode = dtype == DType::kQ8_0   ? encode_q8_0
                : dtype == DType::kQ4_0 ? encode_q4_0
                                        : encode_q4_1;
  int64_t bytes = block_bytes(dtype);
  for (int64_t b = 0; b < static_cast<int64_t>(in.size()) / kBlock; ++b) {
    const float* x = in.data() + b * kBlock;
    bool fits = std::all_of(x, x + kBlock, [](float value) { return std::isfinite(value); });
    if (!fits || !encode(x, out.data() + b * bytes)) {
      return invalid_input(
          "elements {} to {} are too large or not finite for {}; write F32 instead", b * kBlock,
          b * kBlock + kBlock - 1, to_string(dtype));
    }
  }
  return {};
}

Status encode_half(std::span<const float> in, std::span<uint8_t> out) {
  for (size_t i = 0; i < in.size(); ++i) {
    uint16_t bits = float_to_half(in[i]);
    if ((bits & 0x7fffu) == 0x7c00u && std::isfinite(in[i])) {
      return invalid_input("element {} is {}, more than F16 can hold; write BF16 or F32 instead", i,
                           in[i]);
    }
    store(out.data() + 2 * i, bits);
  }
  return {};
}

}  // namespace

bool can_quantize_to(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16 ||
         dtype == DType::kQ8_0 || dtype == DType::kQ4_0 || dtype == DType::kQ4_1;
}

Status quantize(DType dtype, std::span<const float> in, std::span<uint8_t> out) {
  if (!can_quantize_to(dtype)) {
    return unsupported("writing {} is not possible; use F32, F16, BF16, Q8_0 or Q4_0",
                       to_string(dtype));
  }
  size_t bytes = TRY(byte_count(dtype, {static_cast<int64_t>(in.size())}));
  if (bytes != out.size()) {
    return invalid_input("{} floats as {} need {} bytes, there are {}", in.size(), to_string(dtype),
                         bytes, out.size());
  }
  if (dtype == DType::kF16) return encode_half(in, out);
  if (is_quantised(dtype)) return encode_blocks(dtype, in, out);
  if (dtype == DType::kF32) {
    if (bytes > 0) std::memcpy(out.data(), in.data(), bytes);
    return {};
  }
  for (size_t i = 0; i < in.size(); ++i) store(out.data() + 2 * i, float_to_bf16(in[i]));
  return {};
}

}  // namespace attune::weights
