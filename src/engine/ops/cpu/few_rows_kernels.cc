// fp32 products of a few rows with a whole weight, as in decoding. Reading the weight is most of
// what they take, so every number of it is read from memory once and in time: a chunk of its rows
// stays in the second cache while the rows of x pass by it in blocks, and meanwhile the next chunk
// is fetched. Both lie along the depth.
#include "engine/ops/cpu/kernel_list.h"
#include "engine/ops/cpu/vector.h"

namespace attune::engine::ops::cpu::ATTUNE_KERNELS {
namespace {

constexpr int kOutputs = 3;                    // rows of the weight at once, and
constexpr int kInputs = kLanes == 16 ? 8 : 4;  // rows of x: 24 sums of 32 registers, or 12 of 16
constexpr int64_t kChunkFloats = 24 << 10;     // of the weight: 96 KB

// A block of rows of x.
struct Rows {
  const float* x;
  float* y;
  int64_t fetch_begin, fetch_end;  // its share of fetching the next chunk, along the depth
};

// y [N, M] of N rows of x and M of the weight. What lies `ahead` floats behind is fetched.
template <int N, int M>
void tile(const FewRowsProduct& job, const Rows& rows, const float* weight, int64_t ahead,
          float* y) {
  const float* x = rows.x;
  Vec sums[N][M] = {};
  const int64_t whole = job.depth / kLanes * kLanes;
  for (int64_t p = 0; p < whole; p += kLanes) {
    Vec w[M];
#pragma GCC unroll 3
    for (int j = 0; j < M; ++j) w[j] = load(weight + j * job.weight_stride + p);
    if (rows.fetch_begin <= p && p < rows.fetch_end) {
#pragma GCC unroll 3
      for (int j = 0; j < M; ++j) fetch<2>(weight + j * job.weight_stride + p, ahead);
    }
#pragma GCC unroll 8
    for (int i = 0; i < N; ++i) {
      const Vec row = in_register(load(x + i * job.x_stride + p));
#pragma GCC unroll 3
      for (int j = 0; j < M; ++j) sums[i][j] += row * w[j];
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < N; ++i) {
#pragma GCC unroll 3
    for (int j = 0; j < M; ++j) {
      float sum = folded_sum(sums[i][j]);
      for (int64_t p = whole; p < job.depth; ++p) {
        sum += x[i * job.x_stride + p] * weight[j * job.weight_stride + p];
      }
      y[i * job.y_stride + j] = sum;
    }
  }
}

template <int N>
void block(const FewRowsProduct& job, const Rows& rows, int64_t begin, int64_t end,
           int64_t chunk) {
  int64_t j = begin;
  const auto weight = [&](int64_t row) { return job.weight + row * job.weight_stride; };
  const int64_t ahead = chunk * job.weight_stride;
  for (; j + kOutputs <= end; j += kOutputs) {
    tile<N, kOutputs>(job, rows, weight(j), ahead, rows.y + j);
  }
  for (; j < end; ++j) tile<N, 1>(job, rows, weight(j), ahead, rows.y + j);
}

}  // namespace

void few_rows_product(const FewRowsProduct& job, int64_t begin, int64_t end) {
  const int64_t fitting = kChunkFloats / job.depth / kOutputs * kOutputs;
  const int64_t chunk = most<int64_t>(kOutputs, fitting);
  const int64_t share = (job.depth * kInputs + job.rows - 1) / job.rows;
  for (int64_t j = begin; j < end; j += chunk) {
    const int64_t stop = least(end, j + chunk);
    int64_t row = 0;
    while (row < job.rows) {
      const int64_t left = job.rows - row, count = left >= kInputs ? kInputs : left >= 2 ? 2 : 1;
      const int64_t fetched = row / kInputs * share;
      const Rows rows{job.x + row * job.x_stride, job.y + row * job.y_stride, fetched,
                      row % kInputs == 0 ? fetched + share : fetched};
      if (count == kInputs) {
        block<kInputs>(job, rows, j, stop, chunk);
      } else if (count == 2) {
        block<2>(job, rows, j, stop, chunk);
      } else {
        block<1>(job, rows, j, stop, chunk);
      }
      row += count;
    }
  }
}

}  // namespace attune::engine::ops::cpu::ATTUNE_KERNELS
