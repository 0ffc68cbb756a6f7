// Products of int8 and 4-bit blocks with activations rounded to 16 bits, 8 rows of weights
// together: each 32-bit lane belongs to one row, so no sums across lanes are needed. Layout of a
// group: the blocks' quants, then their fp16 scales (8 a block), then their fp16 minima (Q4_1).
// Quants of a block: 8 (Q8_0) or 4 (4-bit) vectors of 32 bytes; vector j holds, row by row, columns
// 4j .. 4j+3, and for 4 bits columns 16+4j .. in the high nibbles.
#include <type_traits>

#include "engine/ops/cpu/kernel_list.h"
#include "engine/ops/cpu/vector.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace attune::engine::ops::cpu::ATTUNE_KERNELS {

namespace {

constexpr int kBlockVectors = 32 / kLanes;

#if defined(__AVX2__)
// Numbers 8i .. 8i + 15 as words. Packing works within halves of 16 bytes: 0-3 8-11 | 4-7 12-15.
inline __m256i packed_words(const IntVec* v, int i) {
  const auto* eights = reinterpret_cast<const __m256i*>(v) + i;
  return _mm256_packs_epi32(_mm256_loadu_si256(eights), _mm256_loadu_si256(eights + 1));
}
#endif

// Writes 32 whole numbers from -127 to 127 as bytes.
inline void store_bytes(const IntVec* v, int8_t* to) {
#if defined(__AVX2__)
  const __m256i bytes = _mm256_packs_epi16(packed_words(v, 0), packed_words(v, 2));
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                      _mm256_permutevar8x32_epi32(bytes, order));
#else
  for (int i = 0; i < 32; ++i) to[i] = static_cast<int8_t>(v[i / kLanes][i % kLanes]);
#endif
}

inline void store_words(const IntVec* v, int16_t* to) {
#if defined(__AVX2__)
  for (int i = 0; i < 4; i += 2) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 8 * i),
                        _mm256_permute4x64_epi64(packed_words(v, i), 0xd8));
  }
#else
  for (int i = 0; i < 32; ++i) to[i] = static_cast<int16_t>(v[i / kLanes][i % kLanes]);
#endif
}

// Rounds to whole numbers, as floats and as integers.
inline Vec rounded(Vec x, IntVec* whole) {
  const Vec shifted = x + 12582912.0f;  // 1.5 * 2^23
  std::memcpy(whole, &shifted, sizeof shifted);
  *whole -= 0x4b400000;
  return shifted - 12582912.0f;
}

}  // namespace

void quantize_input(const float* x, int64_t blocks, int16_t* wide, int8_t* planes, float* steps,
                    float* sums) {
  for (int64_t b = 0; b < blocks; ++b, x += 32) {
    Vec best{}, total{};
    for (int i = 0; i < 32; i += kLanes) {
      best = maximum(best, maximum(load(x + i), -load(x + i)));
    }
    float extent = folded_maximum(best);
    if (extent < kLeastExtent) extent = 0;
    const float inverse = extent > 0 ? 32258.0f / extent : 0.0f;
    IntVec whole[kBlockVectors], first[kBlockVectors], second[kBlockVectors];
    for (int i = 0; i < kBlockVectors; ++i) {
      const Vec n = rounded(load(x + i * kLanes) * inverse, &whole[i]);
      rounded(n * (1.0f / 254.0f), &first[i]);
      second[i] = whole[i] - 254 * first[i];
      total += n;
    }
    store_words(whole, wide + b * 32);
    store_bytes(first, planes + b * 32);
    store_bytes(second, planes + (blocks + b) * 32);
    steps[b] = extent * (1.0f / 32258.0f);
    sums[b] = steps[b] * folded_sum(total);
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

// Ends the sum here. Left alone, GCC makes all products of a block before it adds any and spills
// them: a fifth of the time.
inline void settle(__m256i& sum) { asm("" : "+x"(sum)); }

// The sums of the two planes as whole sums: 254 * first + second.
#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
inline __m256i joined(__m256i first, __m256i second) {
  return _mm256_add_epi32(_mm256_mullo_epi32(first, _mm256_set1_epi32(254)), second);
}
inline __m256i dot_four(__m256i sum, __m256i unsigned_bytes, __m256i signed_bytes) {
  return _mm256_dpbusd_epi32(sum, unsigned_bytes, signed_bytes);
}
#else
inline __m256i joined(__m256i first, __m256i second) {  // from 16 bits to 32 on the way
  return _mm256_add_epi32(_mm256_madd_epi16(first, _mm256_set1_epi16(254)),
                          _mm256_madd_epi16(second, _mm256_set1_epi16(1)));
}
#endif

// The integer dot products of one block of kGroups groups, which lie `stride` bytes apart, with
// kBatch rows: what is loaded of the activations serves all groups. int8 weights are widened and
// meet int16 activations: at most 128 * 32258 * 32, which fits 32 bits.
template <int kBatch, int kGroups>
inline void dots_q8(const uint8_t* quants, int64_t stride, const int16_t* const* x,
                    __m256i (*dots)[kBatch]) {
  __m256i low[kGroups][kBatch] = {}, high[kGroups][kBatch] = {};  // rows 0-3 and 4-7, in pairs
#pragma GCC unroll 8
  for (int j = 0; j < 8; ++j) {
    __m256i four[kBatch];
#pragma GCC unroll 2
    for (int n = 0; n < kBatch; ++n) {
      int64_t columns;
      std::memcpy(&columns, x[n] + 4 * j, sizeof columns);
      four[n] = _mm256_set1_epi64x(columns);
    }
#pragma GCC unroll 2
    for (int g = 0; g < kGroups; ++g) {
      const auto* half = reinterpret_cast<const __m128i*>(quants + g * stride + 32 * j);
      const __m256i w_low = _mm256_cvtepi8_epi16(_mm_loadu_si128(half));
      const __m256i w_high = _mm256_cvtepi8_epi16(_mm_loadu_si128(half + 1));
#pragma GCC unroll 2
      for (int n = 0; n < kBatch; ++n) {
        low[g][n] = _mm256_add_epi32(low[g][n], _mm256_madd_epi16(w_low, four[n]));
        high[g][n] = _mm256_add_epi32(high[g][n], _mm256_madd_epi16(w_high, four[n]));
        settle(low[g][n]);
        settle(high[g][n]);
      }
    }
  }
#pragma GCC unroll 2
  for (int g = 0; g < kGroups; ++g) {
#pragma GCC unroll 2
    for (int n = 0; n < kBatch; ++n) {
      // The sums of pairs are rows 0 1 4 5 | 2 3 6 7.
      dots[g][n] = _mm256_permute4x64_epi64(_mm256_hadd_epi32(low[g][n], high[g][n]), 0xd8);
    }
  }
}

// The same for nibbles, which meet the two int8 planes of a row one by one.
template <int kBatch, int kGroups>
inline void dots_q4(const uint8_t* quants, int64_t stride, const int8_t* const* x,
                    __m256i (*dots)[kBatch]) {
  constexpr int kPlanes = 2 * kBatch;
  const __m256i nibble = _mm256_set1_epi8(15);
  __m256i parts[kGroups][kPlanes] = {};
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    __m256i first[kPlanes], second[kPlanes];
#pragma GCC unroll 4
    for (int p = 0; p < kPlanes; ++p) {
      first[p] = broadcast_four(x[p] + 4 * j);
      second[p] = broadcast_four(x[p] + 16 + 4 * j);
    }
#pragma GCC unroll 2
    for (int g = 0; g < kGroups; ++g) {
      const __m256i both = load_bytes(quants + g * stride + 32 * j);
      const __m256i low = _mm256_and_si256(both, nibble);
      const __m256i high = _mm256_and_si256(_mm256_srli_epi16(both, 4), nibble);
#pragma GCC unroll 4
      for (int p = 0; p < kPlanes; ++p) {
#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
        parts[g][p] = dot_four(dot_four(parts[g][p], low, first[p]), high, second[p]);
#else
        // 16 products of at most 15 * 127 fit 16 bits, so the step to 32 bits is taken once.
        const __m256i pairs = _mm256_add_epi16(_mm256_maddubs_epi16(low, first[p]),
                                               _mm256_maddubs_epi16(high, second[p]));
        parts[g][p] = _mm256_add_epi16(parts[g][p], pairs);
        settle(parts[g][p]);
#endif
      }
    }
  }
#pragma GCC unroll 2
  for (int g = 0; g < kGroups; ++g) {
#pragma GCC unroll 2
    for (int n = 0; n < kBatch; ++n) dots[g][n] = joined(parts[g][2 * n], parts[g][2 * n + 1]);
  }
}

enum class Format { kQ8, kQ4Centred, kQ4Minimum };

// The scaled dot products of one block, added to a group's sums.
template <Format kFormat, int kBatch>
inline void add_block(const __m256i* dots, const uint8_t* scales, const uint8_t* minima,
                      const float* steps, const float* totals, int64_t blocks, __m256* sums) {
  const __m256 scale = load_halves(scales);
  [[maybe_unused]] __m256 minimum;
  if constexpr (kFormat == Format::kQ4Minimum) minimum = load_halves(minima);
#pragma GCC unroll 2
  for (int n = 0; n < kBatch; ++n) {
    const __m256 step = _mm256_set1_ps(steps[n * blocks]);
    const float total = totals[n * blocks];
    __m256 part = _mm256_mul_ps(_mm256_cvtepi32_ps(dots[n]), step);
    if constexpr (kFormat == Format::kQ4Centred) {
      part = _mm256_sub_ps(part, _mm256_set1_ps(8.0f * total));
    }
    sums[n] = _mm256_fmadd_ps(part, scale, sums[n]);
    if constexpr (kFormat == Format::kQ4Minimum) {
      sums[n] = _mm256_fmadd_ps(minimum, _mm256_set1_ps(total), sums[n]);
    }
  }
}

// kGroups groups of 8 rows from `group` on with kBatch activations from row `first` of x.
template <Format kFormat, int kBatch, int kGroups>
void product_groups(const QuantizedRows& w, const QuantizedInput& x, int64_t group, int64_t first,
                    float* y) {
  constexpr bool kWide = kFormat == Format::kQ8;
  constexpr int64_t kQuantBytes = kWide ? 256 : 128;
  constexpr int kInputs = kWide ? kBatch : 2 * kBatch;  // words, or planes of bytes
  const int64_t stride = w.group_bytes, columns = w.blocks * 32;
  const uint8_t* quants = w.groups + group * stride;
  const uint8_t* scales = quants + w.blocks * kQuantBytes;
  const uint8_t* minima = scales + w.blocks * 16;
  const float* steps = x.steps + first * w.blocks;
  const float* totals = x.sums + first * w.blocks;
  using Value = std::conditional_t<kWide, int16_t, int8_t>;
  const Value* values[kInputs];
#pragma GCC unroll 4
  for (int r = 0; r < kInputs; ++r) {
    if constexpr (kWide) {
      values[r] = x.wide + (first + r) * columns;
    } else {
      values[r] = x.planes + (2 * first + r) * columns;
    }
  }
  // The next groups are asked for while these are read: a group is too short for the processor to
  // find out by itself, and memory would be waited for at the start of each.
  constexpr int64_t kScaleBytes = kFormat == Format::kQ4Minimum ? 32 : 16;
  constexpr int64_t kChunk = kGroups * (kQuantBytes + kScaleBytes);
  const char* ahead = reinterpret_cast<const char*>(quants + kGroups * stride);
  __m256 sums[kGroups][kBatch] = {};
  for (int64_t b = 0; b < w.blocks; ++b) {
    for (int64_t i = 0; first == 0 && i < kChunk; i += 64) {
      _mm_prefetch(ahead + b * kChunk + i, _MM_HINT_T0);
    }
    __m256i dots[kGroups][kBatch];
    if constexpr (kWide) {
      dots_q8<kBatch, kGroups>(quants + b * kQuantBytes, stride, values, dots);
    } else {
      dots_q4<kBatch, kGroups>(quants + b * kQuantBytes, stride, values, dots);
    }
#pragma GCC unroll 4
    for (int r = 0; r < kInputs; ++r) values[r] += 32;
#pragma GCC unroll 2
    for (int g = 0; g < kGroups; ++g) {
      const int64_t at = g * stride + 16 * b;
      add_block<kFormat, kBatch>(dots[g], scales + at, minima + at, steps + b, totals + b,
                                 w.blocks, sums[g]);
    }
  }
  for (int g = 0; g < kGroups; ++g) {
    const int64_t row = (group + g) * 8, present = least<int64_t>(8, w.rows - row);
    for (int n = 0; n < kBatch; ++n) {
      float lanes[8];
      _mm256_storeu_ps(lanes, sums[g][n]);
      float* out = y + (first + n) * w.rows + row;
      for (int64_t i = 0; i < present; ++i) out[i] = lanes[i];
    }
  }
}

template <Format kFormat, int kGroups>
void product_batch(const QuantizedRows& w, const QuantizedInput& x, int64_t group, float* y) {
  int64_t n = 0;
  for (; n + 2 <= x.batch; n += 2) product_groups<kFormat, 2, kGroups>(w, x, group, n, y);
  if (n < x.batch) product_groups<kFormat, 1, kGroups>(w, x, group, n, y);
}

template <Format kFormat>
void product(const QuantizedRows& w, const QuantizedInput& x, float* y, int64_t begin,
             int64_t end) {
  int64_t group = begin;
  for (; group + 2 <= end; group += 2) product_batch<kFormat, 2>(w, x, group, y);
  if (group < end) product_batch<kFormat, 1>(w, x, group, y);
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
