// fp32 matrix products in the manner of Goto and van de Geijn (ACM TOMS 34(3), 2008): panels of
// both operands are copied into the order in which a tile of C reads them, so that the tile stays
// in registers over the whole depth of a block. Who packs and multiplies what is the caller's
// (ops/matrix_product.cc).
#include "engine/ops/cpu/kernel_list.h"
#include "engine/ops/cpu/vector.h"

namespace attune::engine::ops::cpu::ATTUNE_KERNELS {
namespace {

constexpr int kRows = kLanes == 16 ? 8 : 6;     // of a tile: 24 sums of AVX-512's 32 registers,
constexpr int kVectors = kLanes == 16 ? 3 : 2;  // or 12 of the 16 of AVX2
constexpr int kColumns = kVectors * kLanes;
constexpr int64_t kDepth = kLanes == 16 ? 576 : 320;  // of a block: a panel of B is 110 or 20 KB
constexpr int64_t kGroupFloats = kLanes == 16 ? 256 << 10 : 48 << 10;  // 1 MB or 192 KB
constexpr bool kFetch = kLanes == 16;  // B's panel is too large for the first cache

// Eight rows of eight, turned.
inline void turn_eight(const float* from, int64_t row_stride, float* to, int64_t to_stride) {
  EightVec r[8], pairs[8], fours[8];
  for (int i = 0; i < 8; ++i) std::memcpy(&r[i], from + i * row_stride, sizeof r[i]);
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    pairs[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    pairs[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
#pragma GCC unroll 2
  for (int half = 0; half < 8; half += 4) {
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i) {
      const EightVec a = pairs[half + i], b = pairs[half + i + 2];
      fours[half + 2 * i] = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
      fours[half + 2 * i + 1] = __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const EightVec a = fours[i], b = fours[i + 4];
    const EightVec low = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11);
    const EightVec high = __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
    std::memcpy(to + i * to_stride, &low, sizeof low);
    std::memcpy(to + (i + 4) * to_stride, &high, sizeof high);
  }
}

// to[depth][kWidth] = from[p * depth_stride + i * width_stride]; what is not present becomes zero.
template <int kWidth>
void pack_panel(const float* from, int64_t width_stride, int64_t depth_stride, int64_t present,
                int64_t depth, float* to) {
  int64_t p = 0;
  if (present == kWidth && width_stride == 1) {
    for (; p < depth; ++p) {
      std::memcpy(to + p * kWidth, from + p * depth_stride, kWidth * sizeof(float));
    }
  } else if (present == kWidth && depth_stride == 1) {
    constexpr int kEights = kWidth / 8 * 8;
    for (; p + 8 <= depth; p += 8) {
      float* row = to + p * kWidth;
      for (int i = 0; i < kEights; i += 8) {
        turn_eight(from + i * width_stride + p, width_stride, row + i, kWidth);
      }
      for (int i = kEights; i < kWidth; ++i) {
        for (int j = 0; j < 8; ++j) row[j * kWidth + i] = from[i * width_stride + p + j];
      }
    }
  }
  for (; p < depth; ++p) {
    for (int64_t i = 0; i < kWidth; ++i) {
      to[p * kWidth + i] = i < present ? from[p * depth_stride + i * width_stride] : 0.0f;
    }
  }
}

template <int V>
using Sums = Vec[kRows][V];

template <int V>
inline void step(const float* a, const float* b, Sums<V>& sums) {
  Vec row[V];
#pragma GCC unroll 3
  for (int j = 0; j < V; ++j) {
    row[j] = load(b + j * kLanes);
    if (kFetch) fetch<1>(b + j * kLanes, 8 * kColumns);
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    const Vec x = in_register(broadcast(a[r]));
#pragma GCC unroll 3
    for (int j = 0; j < V; ++j) sums[r][j] += x * row[j];
  }
}

// The first V vectors of a tile of C, from a panel of A [depth][kRows] and one of B
// [depth][kColumns]. Half as many lines as the depth are fetched from `next` on.
template <int V>
inline void tile_sums(int64_t depth, const float* a, const float* b, const float* next,
                      Sums<V>& sums) {
  for (int64_t p = 0; p + 2 <= depth; p += 2, a += 2 * kRows, b += 2 * kColumns) {
    if (kFetch) {
      fetch<1>(a, 16 * kRows);
      fetch<2>(next, p / 2 * kLanes);
    }
    step<V>(a, b, sums);
    step<V>(a + kRows, b + kColumns, sums);
  }
  if (depth % 2 != 0) step<V>(a, b, sums);
}

void whole_tile(int64_t depth, const float* a, const float* b, const float* next, float* c,
                int64_t stride, bool add) {
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    if (!kFetch) __builtin_prefetch(c + r * stride, 1);
  }
  Sums<kVectors> sums = {};
  tile_sums<kVectors>(depth, a, b, next, sums);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 3
    for (int j = 0; j < kVectors; ++j) {
      float* to = c + r * stride + j * kLanes;
      store(to, add ? load(to) + sums[r][j] : sums[r][j]);
    }
  }
}

// A tile of which C has only some rows and columns, these in V vectors.
template <int V>
void edge_tile(int64_t depth, const float* a, const float* b, int64_t rows, int64_t columns,
               float* c, int64_t stride, bool add) {
  Sums<V> sums = {};
  tile_sums<V>(depth, a, b, b, sums);
  for (int64_t r = 0; r < rows; ++r, c += stride) {
    for (int j = 0; j < V; ++j) {
      float* to = c + j * kLanes;
      const int64_t present = least<int64_t>(kLanes, columns - j * kLanes);
      float values[kLanes];
      store(values, sums[r][j]);
      for (int64_t i = 0; i < present; ++i) to[i] = add ? to[i] + values[i] : values[i];
    }
  }
}

}  // namespace

MatrixTile matrix_tile() { return {kRows, kColumns, kDepth, kGroupFloats}; }

void pack_rows(const MatrixProduct& job, int64_t begin, int64_t end, float* panels) {
  for (int64_t i = begin; i < end; ++i) {
    pack_panel<kRows>(job.a + i * kRows * job.a_row_stride, job.a_row_stride, job.a_column_stride,
                      least<int64_t>(kRows, job.rows - i * kRows), job.depth,
                      panels + i * kRows * job.depth);
  }
}

void pack_columns(const MatrixProduct& job, int64_t column, float* panel) {
  pack_panel<kColumns>(job.b + column * kColumns * job.b_column_stride, job.b_column_stride,
                       job.b_row_stride, least<int64_t>(kColumns, job.columns - column * kColumns),
                       job.depth, panel);
}

void multiply_packed(const MatrixProduct& job, const float* panels, int64_t begin, int64_t end,
                     const float* b, int64_t column, const float* next) {
  const int64_t fetched = job.depth / 2 * kLanes, whole = job.depth * kColumns;
  const int64_t columns = least<int64_t>(kColumns, job.columns - column * kColumns);
  for (int64_t i = begin; i < end; ++i) {
    const float* a = panels + i * kRows * job.depth;
    const int64_t rows = least<int64_t>(kRows, job.rows - i * kRows);
    float* c = job.c + i * kRows * job.c_stride + column * kColumns;
    if (rows == kRows && columns == kColumns) {
      const int64_t at = (i - begin) * fetched;
      whole_tile(job.depth, a, b, at < whole ? next + at : b, c, job.c_stride, job.add);
    } else if (columns > 2 * kLanes) {
      edge_tile<kVectors>(job.depth, a, b, rows, columns, c, job.c_stride, job.add);
    } else if (columns > kLanes) {
      edge_tile<2>(job.depth, a, b, rows, columns, c, job.c_stride, job.add);
    } else {
      edge_tile<1>(job.depth, a, b, rows, columns, c, job.c_stride, job.add);
    }
  }
}

}  // namespace attune::engine::ops::cpu::ATTUNE_KERNELS
