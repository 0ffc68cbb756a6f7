// Small matrix products held in registers, for attention tiles: C [m, n] += A [m, k] * B [k, n].
// A's elements are broadcast and may lie at any two strides (so A or its transpose); B and C have
// contiguous rows; n is a multiple of kLanes. Included by kernel sources only.
#pragma once

#include "engine/ops/cpu/vector.h"

namespace attune::engine::ops::cpu::ATTUNE_KERNELS {

struct Left {
  const float* data;
  int64_t row_stride;
  int64_t column_stride;
};

inline constexpr int kStrip = 6;  // rows a register tile: 6 x 2 vectors, 3 registers to spare

template <int M, int N, bool kAdd>
static inline __attribute__((always_inline)) void register_tile(const Left& a, const float* b,
                                                                int64_t b_stride, float* c,
                                                                int64_t c_stride, int64_t k) {
  Vec sum[M][N];
#pragma GCC unroll 8
  for (int i = 0; i < M; ++i) {
#pragma GCC unroll 2
    for (int j = 0; j < N; ++j) sum[i][j] = kAdd ? load(c + i * c_stride + j * kLanes) : Vec{};
  }
  const float* left = a.data;
  for (int64_t p = 0; p < k; ++p, left += a.column_stride, b += b_stride) {
    Vec right[N];
#pragma GCC unroll 2
    for (int j = 0; j < N; ++j) right[j] = load(b + j * kLanes);
#pragma GCC unroll 8
    for (int i = 0; i < M; ++i) {
      const Vec x = broadcast(left[i * a.row_stride]);
#pragma GCC unroll 2
      for (int j = 0; j < N; ++j) sum[i][j] += x * right[j];
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < M; ++i) {
#pragma GCC unroll 2
    for (int j = 0; j < N; ++j) store(c + i * c_stride + j * kLanes, sum[i][j]);
  }
}

// All columns of one strip of M rows.
template <int M, bool kAdd>
static void strip(const Left& a, const float* b, int64_t b_stride, float* c, int64_t c_stride,
                  int64_t n, int64_t k) {
  int64_t j = 0;
  for (; j + 2 * kLanes <= n; j += 2 * kLanes) {
    register_tile<M, 2, kAdd>(a, b + j, b_stride, c + j, c_stride, k);
  }
  if (j < n) register_tile<M, 1, kAdd>(a, b + j, b_stride, c + j, c_stride, k);
}

// A strip of m <= kStrip rows; kAdd false overwrites C.
template <bool kAdd>
static void multiply_strip(int64_t m, const Left& a, const float* b, int64_t b_stride, float* c,
                           int64_t c_stride, int64_t n, int64_t k) {
  switch (m) {
    case 1: return strip<1, kAdd>(a, b, b_stride, c, c_stride, n, k);
    case 2: return strip<2, kAdd>(a, b, b_stride, c, c_stride, n, k);
    case 3: return strip<3, kAdd>(a, b, b_stride, c, c_stride, n, k);
    case 4: return strip<4, kAdd>(a, b, b_stride, c, c_stride, n, k);
    case 5: return strip<5, kAdd>(a, b, b_stride, c, c_stride, n, k);
    default: return strip<6, kAdd>(a, b, b_stride, c, c_stride, n, k);
  }
}

}  // namespace attune::engine::ops::cpu::ATTUNE_KERNELS
