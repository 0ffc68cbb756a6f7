// The 256-element "K" block types. A block is two halves of 128 elements; each half is four planes
// of 32 that share bytes, two (or four) bits apart. Scales belong to runs of 16 or 32 elements.
#include <array>

#include "weights/half.h"
#include "weights/quant_blocks.h"

namespace attune::weights::quant_internal {
namespace {

constexpr int kBlock = 256;
constexpr int kPlane = 32;

// scales[16] qs[64] d dmin: four 2-bit planes a half; a scale byte holds scale and minimum nibbles.
void decode_q2_k(const uint8_t* block, int64_t count, float* out) {
  for (int64_t b = 0; b < count; ++b, block += 84, out += kBlock) {
    const uint8_t* qs = block + 16;
    float d = half_to_float(load<uint16_t>(block + 80));
    float dmin = half_to_float(load<uint16_t>(block + 82));
    for (int i = 0; i < kBlock; i += 16) {
      int half = i / 128, plane = i % 128 / kPlane, lane = i % kPlane;
      float scale = d * static_cast<float>(block[i / 16] & 15);
      float minimum = dmin * static_cast<float>(block[i / 16] >> 4);
      for (int l = 0; l < 16; ++l) {
        int q = (qs[half * kPlane + lane + l] >> (2 * plane)) & 3;
        out[i + l] = scale * static_cast<float>(q) - minimum;
      }
    }
  }
}

// Sixteen 6-bit scales in 12 bytes: low nibbles in bytes 0..7, high pairs of bits in bytes 8..11.
int q3_scale(const uint8_t* packed, int i) {
  int low = i < 8 ? packed[i] & 15 : packed[i - 8] >> 4;
  int high = (packed[8 + i % 4] >> (2 * (i / 4))) & 3;
  return (low | (high << 4)) - 32;
}

// hmask[32] qs[64] scales[12] d: 2-bit planes, and a third bit that means -4 when it is clear.
void decode_q3_k(const uint8_t* block, int64_t count, float* out) {
  for (int64_t b = 0; b < count; ++b, block += 110, out += kBlock) {
    const uint8_t* qs = block + 32;
    const uint8_t* scales = block + 96;
    float d = half_to_float(load<uint16_t>(block + 108));
    for (int i = 0; i < kBlock; i += 16) {
      int half = i / 128, plane = i % 128 / kPlane, lane = i % kPlane;
      float scale = d * static_cast<float>(q3_scale(scales, i / 16));
      for (int l = 0; l < 16; ++l) {
        int low = (qs[half * kPlane + lane + l] >> (2 * plane)) & 3;
        int high = (block[lane + l] >> (half * 4 + plane)) & 1;
        out[i + l] = scale * static_cast<float>(low - (high != 0 ? 0 : 4));
      }
    }
  }
}

struct ScaleMin {
  float scale;
  float minimum;
};

// Eight pairs of 6-bit (scale, minimum) in 12 bytes: the first four pairs in the low bits of bytes
// 0..7, the others in the nibbles of bytes 8..11 with their top bits in the high bits of bytes
// 0..7.
ScaleMin q4_scale(const uint8_t* packed, int i) {
  if (i < 4) return {static_cast<float>(packed[i] & 63), static_cast<float>(packed[i + 4] & 63)};
  int scale = (packed[i + 4] & 15) | ((packed[i - 4] >> 6) << 4);
  int minimum = (packed[i + 4] >> 4) | ((packed[i] >> 6) << 4);
  return {static_cast<float>(scale), static_cast<float>(minimum)};
}

// d dmin scales[12] qs[128]: eight runs of 32, a pair of runs shares 32 bytes.
void decode_q4_k(const uint8_t* block, int64_t count, float* out) {
  for (int64_t b = 0; b < count; ++b, block += 144, out += kBlock) {
    float d = half_to_float(load<uint16_t>(block));
    float dmin = half_to_float(load<uint16_t>(block + 2));
    for (int run = 0; run < 8; ++run) {
      ScaleMin packed = q4_scale(block + 4, run);
      float scale = d * packed.scale, minimum = dmin * packed.minimum;
      const uint8_t* qs = block + 16 + run / 2 * kPlane;
      for (int l = 0; l < kPlane; ++l) {
        int q = (qs[l] >> (run % 2 * 4)) & 15;
        out[run * kPlane + l] = scale * static_cast<float>(q) - minimum;
      }
    }
  }
}

// As Q4_K with a fifth bit: bit `run` of qh[lane].
void decode_q5_k(const uint8_t* block, int64_t count, float* out) {
  for (int64_t b = 0; b < count; ++b, block += 176, out += kBlock) {
    float d = half_to_float(load<uint16_t>(block));
    float dmin = half_to_float(load<uint16_t>(block + 2));
    const uint8_t* high = block + 16;
    for (int run = 0; run < 8; ++run) {
      ScaleMin packed = q4_scale(block + 4, run);
      float scale = d * packed.scale, minimum = dmin * packed.minimum;
      const uint8_t* qs = block + 48 + run / 2 * kPlane;
      for (int l = 0; l < kPlane; ++l) {
        int q = ((qs[l] >> (run % 2 * 4)) & 15) | (((high[l] >> run) & 1) << 4);
        out[run * kPlane + l] = scale * static_cast<float>(q) - minimum;
      }
    }
  }
}

// ql[128] qh[64] scales[16] d: four low bits and two high bits, signed 8-bit scales of 16 elements.
void decode_q6_k(const uint8_t* block, int64_t count, float* out) {
  for (int64_t b = 0; b < count; ++b, block += 210, out += kBlock) {
    float d = half_to_float(load<uint16_t>(block + 208));
    for (int i = 0; i < kBlock; i += 16) {
      int half = i / 128, plane = i % 128 / kPlane, lane = i % kPlane;
      const uint8_t* ql = block + half * 64 + plane % 2 * kPlane + lane;
      const uint8_t* qh = block + 128 + half * kPlane + lane;
      float scale = d * static_cast<float>(static_cast<int8_t>(block[192 + i / 16]));
      for (int l = 0; l < 16; ++l) {
        int low = (ql[l] >> (plane / 2 * 4)) & 15;
        int high = (qh[l] >> (2 * plane)) & 3;
        out[i + l] = scale * static_cast<float>((low | (high << 4)) - 32);
      }
    }
  }
}

}  // namespace

Decoder k_block_decoder(DType dtype) {
  switch (dtype) {
    case DType::kQ2_K:
      return decode_q2_k;
    case DType::kQ3_K:
      return decode_q3_k;
    case DType::kQ4_K:
      return decode_q4_k;
    case DType::kQ5_K:
      return decode_q5_k;
    case DType::kQ6_K:
      return decode_q6_k;
    default:
      return nullptr;
  }
}

}  // namespace attune::weights::quant_internal
