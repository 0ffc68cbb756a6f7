// fp32 matrix products in the manner of Goto and van de Geijn (ACM TOMS 34(3), 2008): panels of
// both operands are copied into the order in which a tile of C reads them, so that a tile of 6 rows
// by two vectors stays in registers over the whole depth of a block, B's panel stays in the first
// cache and A's block in the second.
#include "engine/ops/cpu/kernel_list.h"
#include "engine/ops/cpu/vector.h"

namespace attune::engine::ops::cpu::ATTUNE_KERNELS {
namespace {

constexpr int kRows = 6;                // of a tile: 12 sums, a row of B and a number of A
constexpr int kColumns = 2 * kLanes;    // fill the 16 registers of AVX2
constexpr int64_t kDepth = 320;         // of a block: a panel of B is 20 KB, one of A 8 KB
constexpr int64_t kBlockRows = 144;     // A's block is 180 KB
constexpr int64_t kBlockColumns = 2048; // B's block is 2.6 MB

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Blocks of nearly equal size, none above `most`; the cuts depend on `size` alone.
inline int64_t even_block(int64_t size, int64_t most) {
  return ceil_div(size, ceil_div(size, most));
}

// Four rows of four, turned.
inline void turn_four(const float* from, int64_t row_stride, float* to, int64_t to_stride) {
  FourVec r[4];
  for (int i = 0; i < 4; ++i) std::memcpy(&r[i], from + i * row_stride, sizeof r[i]);
  const FourVec a = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5);
  const FourVec b = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7);
  const FourVec c = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5);
  const FourVec d = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
  const FourVec turned[4] = {__builtin_shufflevector(a, c, 0, 1, 4, 5),
                             __builtin_shufflevector(a, c, 2, 3, 6, 7),
                             __builtin_shufflevector(b, d, 0, 1, 4, 5),
                             __builtin_shufflevector(b, d, 2, 3, 6, 7)};
  for (int i = 0; i < 4; ++i) std::memcpy(to + i * to_stride, &turned[i], sizeof turned[i]);
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
    constexpr int kFours = kWidth / 4 * 4;
    for (; p + 4 <= depth; p += 4) {
      float* row = to + p * kWidth;
      for (int i = 0; i < kFours; i += 4) {
        turn_four(from + i * width_stride + p, width_stride, row + i, kWidth);
      }
      for (int i = kFours; i < kWidth; ++i) {
        for (int j = 0; j < 4; ++j) row[j * kWidth + i] = from[i * width_stride + p + j];
      }
    }
  }
  for (; p < depth; ++p) {
    for (int64_t i = 0; i < kWidth; ++i) {
      to[p * kWidth + i] = i < present ? from[p * depth_stride + i * width_stride] : 0.0f;
    }
  }
}

// A tile of C from a panel of A [depth][kRows] and one of B [depth][kColumns].
inline void tile_sums(int64_t depth, const float* a, const float* b, Vec (&sums)[kRows][2]) {
  for (int64_t p = 0; p < depth; ++p, a += kRows, b += kColumns) {
    const Vec left = load(b), right = load(b + kLanes);
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
      const Vec x = broadcast(a[r]);
      sums[r][0] += x * left;
      sums[r][1] += x * right;
    }
  }
}

void whole_tile(int64_t depth, const float* a, const float* b, float* c, int64_t stride,
                bool add) {
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) __builtin_prefetch(c + r * stride, 1);
  Vec sums[kRows][2] = {};
  tile_sums(depth, a, b, sums);
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r, c += stride) {
    store(c, add ? load(c) + sums[r][0] : sums[r][0]);
    store(c + kLanes, add ? load(c + kLanes) + sums[r][1] : sums[r][1]);
  }
}

// A tile of which C has only some rows and columns.
void edge_tile(int64_t depth, const float* a, const float* b, int64_t rows, int64_t columns,
               float* c, int64_t stride, bool add) {
  Vec sums[kRows][2] = {};
  tile_sums(depth, a, b, sums);
  for (int64_t r = 0; r < rows; ++r, c += stride) {
    float values[kColumns];
    store(values, sums[r][0]);
    store(values + kLanes, sums[r][1]);
    for (int64_t i = 0; i < columns; ++i) c[i] = add ? c[i] + values[i] : values[i];
  }
}

// One block of A's rows against the packed block of B.
void multiply_block(const float* a, const float* b, int64_t rows, int64_t columns, int64_t depth,
                    float* c, int64_t stride, bool add) {
  for (int64_t j = 0; j < columns; j += kColumns) {
    const int64_t wide = least<int64_t>(kColumns, columns - j);
    for (int64_t i = 0; i < rows; i += kRows) {
      const int64_t high = least<int64_t>(kRows, rows - i);
      const float *panel_a = a + i * depth, *panel_b = b + j * depth;
      float* tile = c + i * stride + j;
      if (high == kRows && wide == kColumns) {
        whole_tile(depth, panel_a, panel_b, tile, stride, add);
      } else {
        edge_tile(depth, panel_a, panel_b, high, wide, tile, stride, add);
      }
    }
  }
}

}  // namespace

int64_t matrix_scratch_floats(int64_t rows, int64_t columns, int64_t depth) {
  const int64_t a = ceil_div(least(rows, kBlockRows), kRows) * kRows;
  const int64_t b = ceil_div(least(columns, kBlockColumns), kColumns) * kColumns;
  return (a + b) * least(depth, kDepth);
}

void matrix_product(const MatrixProduct& job, float* scratch) {
  const int64_t block_depth = even_block(job.depth, kDepth);
  const int64_t block_rows = ceil_div(even_block(job.rows, kBlockRows), kRows) * kRows;
  float* packed_a = scratch;
  float* packed_b = scratch + ceil_div(least(job.rows, kBlockRows), kRows) * kRows *
                                  least(job.depth, kDepth);
  for (int64_t j = 0; j < job.columns; j += kBlockColumns) {
    const int64_t columns = least(kBlockColumns, job.columns - j);
    for (int64_t p = 0; p < job.depth; p += block_depth) {
      const int64_t depth = least(block_depth, job.depth - p);
      for (int64_t k = 0; k < columns; k += kColumns) {
        const float* from = job.b + p * job.b_row_stride + (j + k) * job.b_column_stride;
        pack_panel<kColumns>(from, job.b_column_stride, job.b_row_stride,
                             least<int64_t>(kColumns, columns - k), depth, packed_b + k * depth);
      }
      for (int64_t i = 0; i < job.rows; i += block_rows) {
        const int64_t rows = least(block_rows, job.rows - i);
        for (int64_t k = 0; k < rows; k += kRows) {
          const float* from = job.a + (i + k) * job.a_row_stride + p * job.a_column_stride;
          pack_panel<kRows>(from, job.a_row_stride, job.a_column_stride,
                            least<int64_t>(kRows, rows - k), depth, packed_a + k * depth);
        }
        multiply_block(packed_a, packed_b, rows, columns, depth, job.c + i * job.c_stride + j,
                       job.c_stride, job.add || p > 0);
      }
    }
  }
}

}  // namespace attune::engine::ops::cpu::ATTUNE_KERNELS
