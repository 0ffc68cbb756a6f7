// Vectors of floats for kernel sources, in the compiler's own vector types so that one text serves
// every width. Included only by sources that are compiled once per instruction set; ATTUNE_KERNELS
// is that set's name and keeps the copies apart.
#pragma once

#include <cstdint>
#include <cstring>

namespace attune::engine::ops::cpu::ATTUNE_KERNELS {

#if defined(ATTUNE_LANES)
inline constexpr int kLanes = ATTUNE_LANES;
#elif defined(__AVX512F__)
inline constexpr int kLanes = 16;
#else
inline constexpr int kLanes = 8;
#endif

typedef float Vec __attribute__((vector_size(kLanes * 4)));
typedef int32_t IntVec __attribute__((vector_size(kLanes * 4)));

static inline Vec load(const float* p) {
  Vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
// Asks for what lies `floats` behind a place, also behind the end of what is there: into the first
// cache, or the second.
template <int kCache>
static inline void fetch(const float* place, int64_t floats) {
  const auto address = reinterpret_cast<uintptr_t>(place) + static_cast<uintptr_t>(floats) * 4;
  __builtin_prefetch(reinterpret_cast<const void*>(address), 0, kCache == 1 ? 3 : 2);
}
static inline void store(float* p, Vec v) { std::memcpy(p, &v, sizeof v); }
static inline Vec broadcast(float x) { return x - Vec{}; }
// Loaded once, where the compiler would rather have every use read memory.
static inline Vec in_register(Vec x) {
#if defined(__AVX512F__) || (defined(__AVX__) && !defined(ATTUNE_LANES))
  asm("" : "+v"(x));
#endif
  return x;
}
static inline Vec maximum(Vec a, Vec b) { return a > b ? a : b; }

static inline float sum_of(Vec v) {
  float total = 0;
  for (int i = 0; i < kLanes; ++i) total += v[i];
  return total;
}
static inline float maximum_of(Vec v) {
  float best = v[0];
  for (int i = 1; i < kLanes; ++i) best = v[i] > best ? v[i] : best;
  return best;
}
// To the nearest bf16, ties to even; for numbers that are finite.
static inline Vec round_to_bf16(Vec x) {
  IntVec bits;
  std::memcpy(&bits, &x, sizeof bits);
  bits = (bits + 0x7fff + ((bits >> 16) & 1)) & ~0xffff;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

// The same by halves: fewer steps, and another order of sums.
typedef float EightVec __attribute__((vector_size(32)));
typedef float FourVec __attribute__((vector_size(16)));
template <typename Join>
static inline float folded(Vec v, const Join& join) {
  EightVec eight;
  if constexpr (kLanes == 16) {
    eight = join(__builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7),
                 __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15));
  } else {
    std::memcpy(&eight, &v, sizeof eight);
  }
  const FourVec four = join(__builtin_shufflevector(eight, eight, 0, 1, 2, 3),
                            __builtin_shufflevector(eight, eight, 4, 5, 6, 7));
  const FourVec two = join(four, __builtin_shufflevector(four, four, 2, 3, 0, 1));
  return join(two, __builtin_shufflevector(two, two, 1, 0, 3, 2))[0];
}
static inline float folded_sum(Vec v) {
  return folded(v, [](auto a, auto b) { return a + b; });
}
static inline float folded_maximum(Vec v) {
  return folded(v, [](auto a, auto b) { return a > b ? a : b; });
}

template <typename T>
static inline T least(T a, T b) { return b < a ? b : a; }
template <typename T>
static inline T most(T a, T b) { return a < b ? b : a; }

// exp(x) within 2 ulp; below -87.3 exactly 0 (so exp(-inf) is 0), above 88.3 as at 88.3. Cody-Waite
// reduction by ln 2 in two parts, and a polynomial for exp on [-ln2/2, ln2/2].
static inline Vec exp_of(Vec x) {
  const IntVec tiny = x < broadcast(-87.3f);
  x = tiny ? broadcast(-87.3f) : x;
  x = x > broadcast(88.3f) ? broadcast(88.3f) : x;
  const Vec shifted = x * 1.44269504f + 12582912.0f;  // 1.5 * 2^23: rounds to an integer
  const Vec n = shifted - 12582912.0f;
  Vec r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  Vec p = broadcast(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  IntVec bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  bits = (bits << 23) + (127 << 23);  // the low bits of `shifted` hold n
  Vec power;
  std::memcpy(&power, &bits, sizeof power);
  return tiny ? Vec{} : p * power;
}

}  // namespace attune::engine::ops::cpu::ATTUNE_KERNELS
