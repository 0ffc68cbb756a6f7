// 16-bit floats: IEEE half (F16) and bfloat16 (BF16), to and from fp32, round to nearest even.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#if defined(__clang__) && __clang_major__ < 15 && defined(__F16C__)
#include <immintrin.h>
#define ATTUNE_HALF_BY_F16C  // clang knows _Float16 on x86 from version 15 on
#endif

namespace attune::weights {

// Values over 65504 become infinite in the second.
#ifdef ATTUNE_HALF_BY_F16C
inline float half_to_float(uint16_t bits) {
  return _cvtsh_ss(bits);
}
inline uint16_t float_to_half(float value) {
  return _cvtss_sh(value, _MM_FROUND_TO_NEAREST_INT);
}
#else
#if defined(__aarch64__)
using Half = __fp16;  // GCC knows _Float16 there from version 13 on
#else
using Half = _Float16;
#endif
inline float half_to_float(uint16_t bits) {
  return static_cast<float>(std::bit_cast<Half>(bits));
}
inline uint16_t float_to_half(float value) {
  return std::bit_cast<uint16_t>(static_cast<Half>(value));
}
#endif

inline float bf16_to_float(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

// NaN stays a (quiet) NaN.
inline uint16_t float_to_bf16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 64u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

// Little-endian values at any address.
template <typename T>
T load(const uint8_t* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

template <typename T>
void store(uint8_t* bytes, T value) {
  std::memcpy(bytes, &value, sizeof value);
}

}  // namespace attune::weights
