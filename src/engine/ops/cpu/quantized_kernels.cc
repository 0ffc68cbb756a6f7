// Products of int8 and 4-bit blocks with activations rounded to int8, 8 rows of weights at a time:
// each 32-bit lane belongs to one row, so no sums across lanes are needed. Layout of a group: the
// blocks' quants, then their fp16 scales (8 a block), then their fp16 minima (Q4_1). Quants of a
// block: 8 (Q8_0) or 4 (4-bit) vectors of 32 bytes; vector j holds, row by row, columns 4j .. 4j+3,
// and for 4 bits columns 16+4j .. in the high nibbles.
#include "engine/ops/cpu/kernel_list.h"
#include "engine/ops/cpu/vector.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace attune::engine::ops::cpu::ATTUNE_KERNELS {

void quantize_input(const float* x, int64_t blocks, int8_t* values, float* scales, float* sums) {
  for (int64_t b = 0; b < blocks; ++b) {
    const float* in = x + b * 32;
    Vec best{};
    for (int i = 0; i < 32; i += kLanes) {
      const Vec v = load(in + i);
      best = maximum(best, maximum(v, -v));
    }
    const float extent = maximum_of(best);
    const float inverse = extent > 0 ? 127.0f / extent : 0.0f;
    int32_t total = 0;
    for (int i = 0; i < 32; i += kLanes) {
      const Vec shifted = load(in + i) * inverse + 12582912.0f;  // rounds to an integer
      IntVec bits;
      std::memcpy(&bits, &shifted, sizeof bits);
      bits -= 0x4b400000;
      for (int j = 0; j < kLanes; ++j) {
        values[b * 32 + i + j] = static_cast<int8_t>(bits[j]);
        total += bits[j];
      }
    }
    scales[b] = extent / 127.0f;
    sums[b] = scales[b] * static_cast<float>(total);
  }
}

#if defined(__AVX2__)
namespace {

inline __m256i load_bytes(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}

// Four int8 activations in every lane.
inline __m256i broadcast_four(const int8_t* p) {
  int32_t four;
  std::memcpy(&four, p, sizeof four);
  return _mm256_set1_epi32(four);
}

inline __m256 load_halves(const uint8_t* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

// sum + per-lane dot product of four unsigned and four signed bytes. Without VNNI sums of pairs are
// 16 bits wide: 128 * 127 * 2 fits.
inline __m256i dot_four(__m256i sum, __m256i unsigned_bytes, __m256i signed_bytes) {
#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
  return _mm256_dpbusd_epi32(sum, unsigned_bytes, signed_bytes);
#else
  const __m256i pairs = _mm256_maddubs_epi16(unsigned_bytes, signed_bytes);
  return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
#endif
}

// The integer dot products of one block of 8 rows with kBatch activations.
template <int kBatch>
inline void dots_q8(const uint8_t* quants, const int8_t* const* x, __m256i* dots) {
#pragma GCC unroll 8
  for (int j = 0; j < 8; ++j) {
    const __m256i w = load_bytes(quants + 32 * j);
    const __m256i size = _mm256_abs_epi8(w);
#pragma GCC unroll 4
    for (int n = 0; n < kBatch; ++n) {
      dots[n] = dot_four(dots[n], size, _mm256_sign_epi8(broadcast_four(x[n] + 4 * j), w));
    }
  }
}

template <int kBatch>
inline void dots_q4(const uint8_t* quants, const int8_t* const* x, __m256i* dots) {
  const __m256i nibble = _mm256_set1_epi8(15);
#if !(defined(__AVX512VNNI__) && defined(__AVX512VL__))
  // 16 products of at most 15 * 127 fit 16 bits, so the step to 32 bits is taken once.
  __m256i pairs[kBatch];
#pragma GCC unroll 4
  for (int n = 0; n < kBatch; ++n) pairs[n] = _mm256_setzero_si256();
#endif
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    const __m256i both = load_bytes(quants + 32 * j);
    const __m256i low = _mm256_and_si256(both, nibble);
    const __m256i high = _mm256_and_si256(_mm256_srli_epi16(both, 4), nibble);
#pragma GCC unroll 4
    for (int n = 0; n < kBatch; ++n) {
      const __m256i first = broadcast_four(x[n] + 4 * j);
      const __m256i second = broadcast_four(x[n] + 16 + 4 * j);
#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
      dots[n] = dot_four(dot_four(dots[n], low, first), high, second);
#else
      pairs[n] = _mm256_add_epi16(pairs[n], _mm256_add_epi16(_mm256_maddubs_epi16(low, first),
                                                             _mm256_maddubs_epi16(high, second)));
#endif
    }
  }
#if !(defined(__AVX512VNNI__) && defined(__AVX512VL__))
#pragma GCC unroll 4
  for (int n = 0; n < kBatch; ++n) {
    dots[n] = _mm256_madd_epi16(pairs[n], _mm256_set1_epi16(1));
  }
#endif
}

enum class Format { kQ8, kQ4Centred, kQ4Minimum };

// One group of 8 rows with kBatch activations from row `first` of x.
template <Format kFormat, int kBatch>
void product_group(const QuantizedRows& w, const QuantizedInput& x, int64_t group, int64_t first,
                   float* y) {
  constexpr int64_t kQuantBytes = kFormat == Format::kQ8 ? 256 : 128;
  const uint8_t* quants = w.groups + group * w.group_bytes;
  const uint8_t* scales = quants + w.blocks * kQuantBytes;
  const uint8_t* minima = scales + w.blocks * 16;
  const int8_t* values[kBatch];
  __m256 sums[kBatch];
#pragma GCC unroll 4
  for (int n = 0; n < kBatch; ++n) {
    values[n] = x.values + (first + n) * w.blocks * 32;
    sums[n] = _mm256_setzero_ps();
  }
  for (int64_t b = 0; b < w.blocks; ++b, quants += kQuantBytes) {
    __m256i dots[kBatch];
#pragma GCC unroll 4
    for (int n = 0; n < kBatch; ++n) dots[n] = _mm256_setzero_si256();
    if constexpr (kFormat == Format::kQ8) {
      dots_q8<kBatch>(quants, values, dots);
    } else {
      dots_q4<kBatch>(quants, values, dots);
    }
    const __m256 scale = load_halves(scales + 16 * b);
    [[maybe_unused]] __m256 minimum;
    if constexpr (kFormat == Format::kQ4Minimum) minimum = load_halves(minima + 16 * b);
#pragma GCC unroll 4
    for (int n = 0; n < kBatch; ++n) {
      values[n] += 32;
      const int64_t at = (first + n) * w.blocks + b;
      const __m256 whole = _mm256_cvtepi32_ps(dots[n]);
      __m256 part = _mm256_mul_ps(whole, _mm256_set1_ps(x.scales[at]));
      if constexpr (kFormat == Format::kQ4Centred) {
        part = _mm256_sub_ps(part, _mm256_set1_ps(8.0f * x.sums[at]));
      }
      sums[n] = _mm256_fmadd_ps(part, scale, sums[n]);
      if constexpr (kFormat == Format::kQ4Minimum) {
        sums[n] = _mm256_fmadd_ps(minimum, _mm256_set1_ps(x.sums[at]), sums[n]);
      }
    }
  }
  const int64_t row = group * 8, present = least<int64_t>(8, w.rows - row);
  for (int n = 0; n < kBatch; ++n) {
    float lanes[8];
    _mm256_storeu_ps(lanes, sums[n]);
    float* out = y + (first + n) * w.rows + row;
    for (int64_t i = 0; i < present; ++i) out[i] = lanes[i];
  }
}

template <Format kFormat>
void product(const QuantizedRows& w, const QuantizedInput& x, float* y, int64_t begin,
             int64_t end) {
  for (int64_t group = begin; group < end; ++group) {
    int64_t n = 0;
    for (; n + 4 <= x.batch; n += 4) product_group<kFormat, 4>(w, x, group, n, y);
    for (; n + 2 <= x.batch; n += 2) product_group<kFormat, 2>(w, x, group, n, y);
    if (n < x.batch) product_group<kFormat, 1>(w, x, group, n, y);
  }
}

}  // namespace

void product_q8_0(const QuantizedRows& w, const QuantizedInput& x, float* y, int64_t begin,
                  int64_t end) {
  product<Format::kQ8>(w, x, y, begin, end);
}
void product_q4_0(const QuantizedRows& w, const QuantizedInput& x, float* y, int64_t begin,
                  int64_t end) {
  product<Format::kQ4Centred>(w, x, y, begin, end);
}
void product_q4_1(const QuantizedRows& w, const QuantizedInput& x, float* y, int64_t begin,
                  int64_t end) {
  product<Format::kQ4Minimum>(w, x, y, begin, end);
}
#endif  // __AVX2__

}  // namespace attune::engine::ops::cpu::ATTUNE_KERNELS
