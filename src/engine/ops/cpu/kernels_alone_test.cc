// The kernels of every instruction set by themselves, against plain loops in double precision, in
// arrays that notice what is touched beside them. Nothing here needs LibTorch: the same program is
// built for AArch64 and run under an emulator (tests/structure/aarch64_test.py).
#include <tuple>

#include "engine/ops/cpu/guarded_array.h"
#include "engine/ops/cpu/kernel_variants.h"

namespace attune::engine::ops::cpu {
namespace {

class KernelsAlone : public VariantTest {};
class BlockProductsAlone : public VariantTest {};  // of the kernels that have them

TEST_P(KernelsAlone, NormAndItsGradients) {
  const double epsilon = 1e-5f;
  for (int64_t width : {5, 7, 16, 33, 577}) {
    constexpr int64_t kRows = 3;
    const Floats x(some_numbers(kRows * width, 1)), weight(some_numbers(width, 2));
    const Floats outer(some_numbers(kRows * width, 3));
    Floats y(kRows * width), inverse(kRows), d_x(kRows * width), d_weight(width);
    d_weight.fill(0);
    const NormRows job{x.data(), weight.data(), width, 1e-5f, inverse.data()};
    kernels()->rms_norm(job, y.data(), 0, kRows);
    kernels()->rms_norm_backward(job, outer.data(), d_x.data(), d_weight.data(), 0, kRows);
    Exact exact_y, exact_d_x, exact_d_weight(static_cast<size_t>(width));
    for (int64_t r = 0; r < kRows; ++r) {
      const float *row = x.data() + r * width, *g = outer.data() + r * width;
      double squares = 0, mean = 0;
      for (int64_t i = 0; i < width; ++i) squares += static_cast<double>(row[i]) * row[i];
      const double scale = 1 / std::sqrt(squares / static_cast<double>(width) + epsilon);
      for (int64_t i = 0; i < width; ++i) mean += g[i] * weight[i] * row[i] * scale;
      mean /= static_cast<double>(width);
      for (int64_t i = 0; i < width; ++i) {
        exact_y.push_back(row[i] * scale * weight[i]);
        exact_d_x.push_back(scale * (static_cast<double>(g[i]) * weight[i] -
                                     row[i] * scale * mean));
        exact_d_weight[static_cast<size_t>(i)] += g[i] * row[i] * scale;
      }
    }
    EXPECT_LT(difference(y, exact_y), 1e-5) << width;
    EXPECT_LT(difference(d_x, exact_d_x), 1e-5) << width;
    EXPECT_LT(difference(d_weight, exact_d_weight), 1e-5) << width;
  }
}

TEST_P(KernelsAlone, GateAndItsGradients) {
  for (int64_t count : {1, 15, 16, 67}) {
    const Floats gate(some_numbers(count, 1, 4)), up(some_numbers(count, 2));
    const Floats outer(some_numbers(count, 3));
    Floats y(count), d_gate(count), d_up(count);
    kernels()->swiglu(gate.data(), up.data(), y.data(), count);
    kernels()->swiglu_backward(gate.data(), up.data(), outer.data(), d_gate.data(), d_up.data(),
                               count);
    Exact exact_y, exact_d_gate, exact_d_up;
    for (int64_t i = 0; i < count; ++i) {
      const double g = gate[i], s = 1 / (1 + std::exp(-g));
      exact_y.push_back(g * s * up[i]);
      exact_d_up.push_back(g * s * outer[i]);
      exact_d_gate.push_back(outer[i] * static_cast<double>(up[i]) * s * (1 + g * (1 - s)));
    }
    EXPECT_LT(difference(y, exact_y), 1e-5) << count;
    EXPECT_LT(difference(d_gate, exact_d_gate), 1e-5) << count;
    EXPECT_LT(difference(d_up, exact_d_up), 1e-5) << count;
  }
}

TEST_P(KernelsAlone, RotationAndBack) {
  constexpr int64_t kRows = 4, kHeads = 2, kWidth = 36, kStride = kHeads * kWidth + 5;
  const int64_t positions[kRows] = {3, 0, 6, 3};
  for (int64_t half : {1, 8, 13, 18}) {
    const Floats angles(some_numbers(7 * half, 1));
    Floats cos(7 * half), sin(7 * half);
    for (int64_t i = 0; i < 7 * half; ++i) {
      cos[i] = std::cos(angles[i]);
      sin[i] = std::sin(angles[i]);
    }
    const Floats x(some_numbers((kRows - 1) * kStride + kHeads * kWidth, 2));
    for (const bool backward : {false, true}) {
      Floats y(kRows * kHeads * kWidth);
      Exact exact(static_cast<size_t>(y.size()));
      const RotaryRows job{x.data(), kStride,   cos.data(), sin.data(), half,
                           positions, kHeads, kWidth,     backward};
      kernels()->rotate(job, y.data(), 0, kRows);
      for (int64_t i = 0; i < y.size(); ++i) {
        const int64_t row = i / (kHeads * kWidth), head = i / kWidth % kHeads, d = i % kWidth;
        const float* from = x.data() + row * kStride + head * kWidth;
        const int64_t angle = positions[row] * half + d % half;
        const double s = backward ? -sin[angle] : sin[angle], c = cos[angle];
        double& to = exact[static_cast<size_t>(i)];
        to = from[d];
        if (d < half) to = from[d] * c - from[d + half] * s;
        if (d >= half && d < 2 * half) to = from[d] * c + from[d - half] * s;
      }
      EXPECT_LT(difference(y, exact), 1e-5) << half;
    }
  }
}

TEST_P(KernelsAlone, SoftmaxAndItsGradient) {
  constexpr int64_t kRows = 3;
  for (int64_t columns : {3, 5, 37, 2100}) {
    const double slope = 0.75;
    const std::vector<float> raw = some_numbers(kRows * columns, 1, 5);
    Floats logits(raw), log_probs(kRows), entropy(kRows);
    const float weights[kRows] = {0.5f, -1, 2};
    const int64_t targets[kRows] = {0, columns - 1, columns / 2};
    bool correct[kRows];
    const SoftmaxRows job{logits.data(), columns,          targets,        weights,
                          0.75f,         log_probs.data(), entropy.data(), correct};
    kernels()->softmax_rows(job, 0, kRows);
    Exact exact_probs, exact_entropy, gradient;
    for (int64_t r = 0; r < kRows; ++r) {
      const float* x = raw.data() + r * columns;
      double sum = 0, spread = 0;
      for (int64_t i = 0; i < columns; ++i) sum += std::exp(slope * x[i]);
      for (int64_t i = 0; i < columns; ++i) {
        const double log_p = slope * x[i] - std::log(sum), p = std::exp(log_p);
        spread -= p * log_p;
        if (i == targets[r]) exact_probs.push_back(log_p);
        gradient.push_back((p - (i == targets[r] ? 1 : 0)) * weights[r] * slope);
      }
      exact_entropy.push_back(spread);
      EXPECT_EQ(correct[r], std::max_element(x, x + columns) - x == targets[r]);
    }
    EXPECT_LT(difference(log_probs, exact_probs), 1e-5) << columns;
    EXPECT_LT(difference(entropy, exact_entropy), 1e-5) << columns;
    EXPECT_LT(difference(logits, gradient), 1e-5) << columns;
  }
}

Exact plain_product(const Floats& a, bool turned_a, const Floats& b, bool turned_b, int64_t rows,
                    int64_t columns, int64_t depth) {
  Exact c(static_cast<size_t>(rows * columns));
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t p = 0; p < depth; ++p) {
      const double x = a[turned_a ? p * rows + i : i * depth + p];
      for (int64_t j = 0; j < columns; ++j) {
        c[static_cast<size_t>(i * columns + j)] +=
            x * b[turned_b ? j * depth + p : p * columns + j];
      }
    }
  }
  return c;
}

// The parts of a product one after the other, tiles in two goes.
void multiply(const MatrixProduct& job) {
  const MatrixTile tile = kernels()->matrix_tile();
  const int64_t high = (job.rows + tile.rows - 1) / tile.rows;
  Floats a(high * tile.rows * job.depth), b(tile.columns * job.depth);
  kernels()->pack_rows(job, 0, high / 2, a.data());
  kernels()->pack_rows(job, high / 2, high, a.data());
  for (int64_t column = 0; column * tile.columns < job.columns; ++column) {
    kernels()->pack_columns(job, column, b.data());
    kernels()->multiply_packed(job, a.data(), high / 2, high, b.data(), column, a.data());
    kernels()->multiply_packed(job, a.data(), 0, high / 2, b.data(), column, b.data());
  }
}

TEST_P(KernelsAlone, MatrixProducts) {
  using Size = std::tuple<int64_t, int64_t, int64_t>;
  for (const auto& [rows, columns, depth] :
       std::vector<Size>{{1, 1, 1}, {6, 32, 5}, {8, 48, 20}, {7, 33, 3}, {29, 70, 641},
                         {151, 2055, 3}}) {
    for (const int turned : {0, 1, 2, 3}) {
      const bool turned_a = (turned & 1) != 0, turned_b = (turned & 2) != 0;
      for (const float size : {1.0f, 3e-20f}) {  // the last gives denormal products
        const Floats a(some_numbers(rows * depth, 1, size));
        const Floats b(some_numbers(depth * columns, 2, size));
        Floats c(rows * columns);
        MatrixProduct job{a.data(), turned_a ? 1 : depth,   turned_a ? rows : 1,
                          b.data(), turned_b ? 1 : columns, turned_b ? depth : 1,
                          c.data(), columns,                rows,
                          columns,  depth,                  false};
        multiply(job);
        Exact exact = plain_product(a, turned_a, b, turned_b, rows, columns, depth);
        const double limit = size < 1 ? 1e-4 : 1e-5;
        EXPECT_LT(difference(c, exact), limit) << rows << " " << turned;
        job.add = true;
        multiply(job);
        for (double& x : exact) x *= 2;
        EXPECT_LT(difference(c, exact), limit) << rows << " " << turned;
      }
    }
  }
}

TEST_P(KernelsAlone, ProductsOfAFewRows) {
  constexpr int64_t kGap = 3;  // between rows: strides are not the depth
  for (const auto& [rows, outputs, depth] : std::vector<std::tuple<int64_t, int64_t, int64_t>>{
           {1, 1, 1}, {2, 3, 16}, {3, 7, 15}, {8, 9, 65}, {21, 50, 647}, {64, 4, 30000}}) {
    const int64_t stride = depth + kGap;
    const Floats x(some_numbers(rows * stride, 1)), weight(some_numbers(outputs * stride, 2));
    Floats y(rows * (outputs + kGap));
    y.fill(7);
    const FewRowsProduct job{x.data(), stride,        weight.data(), stride,
                             y.data(), outputs + kGap, rows,          depth};
    const int64_t cut = outputs / 2;  // in two parts, as threads do
    kernels()->few_rows_product(job, 0, cut);
    kernels()->few_rows_product(job, cut, outputs);
    Exact exact;
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t i = 0; i < outputs; ++i) {
        double sum = 0;
        for (int64_t p = 0; p < depth; ++p) {
          sum += static_cast<double>(x[r * stride + p]) * weight[i * stride + p];
        }
        exact.push_back(sum);
      }
      exact.insert(exact.end(), kGap, 7);  // untouched
    }
    EXPECT_LT(difference(y, exact), 1e-5) << rows << " rows";
    for (int64_t r = 0; r < rows; ++r) {  // by itself: the same bits
      Floats alone(outputs);
      FewRowsProduct one = job;
      one.x = x.data() + r * stride;
      one.y = alone.data();
      one.rows = 1;
      kernels()->few_rows_product(one, 0, outputs);
      for (int64_t i = 0; i < outputs; ++i) EXPECT_EQ(alone[i], y[r * (outputs + kGap) + i]);
    }
  }
}

double half_to_double(uint16_t half) {
  return std::ldexp(1 + (half & 1023) / 1024.0, (half >> 10) - 15);
}

// A matrix of blocks in the kernels' layout, and what it stands for. Of 8 bits or 4; with minima or
// centred at 8.
struct Blocks {
  Blocks(int64_t matrix_rows, int64_t blocks, int bits, bool minima, unsigned seed);
  Guarded<uint8_t> bytes;
  Exact weight;  // [rows, columns]
  QuantizedRows rows;
};

int64_t group_bytes_of(int64_t blocks, int bits, bool minima) {
  return blocks * (bits * 32 + (minima ? 32 : 16));
}

Blocks::Blocks(int64_t matrix_rows, int64_t blocks, int bits, bool minima, unsigned seed)
    : bytes((matrix_rows + 7) / 8 * group_bytes_of(blocks, bits, minima)),
      weight(static_cast<size_t>(matrix_rows * blocks * 32)),
      rows{bytes.data(), blocks, group_bytes_of(blocks, bits, minima), matrix_rows} {
  const int64_t quants = bits * 32, group_bytes = rows.group_bytes;
  std::mt19937 random(seed);
  for (int64_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(random());
  const auto half_at = [&](int64_t at) {  // made a moderate positive one
    const auto half = static_cast<uint16_t>(0x2000 + random() % 0x1800);
    std::memcpy(bytes.data() + at, &half, 2);
    return half_to_double(half);
  };
  for (int64_t row = 0; row < (matrix_rows + 7) / 8 * 8; ++row) {
    const int64_t group = row / 8 * group_bytes, lane = row % 8;
    for (int64_t b = 0; b < blocks; ++b) {
      const int64_t at = group + blocks * quants + (b * 8 + lane) * 2;
      const double scale = half_at(at);
      const double minimum = minima ? half_at(at + blocks * 16) : bits == 4 ? -8 * scale : 0;
      for (int64_t i = 0; i < 32 && row < matrix_rows; ++i) {
        const int64_t byte = bits == 8 ? i : i % 16;
        const uint8_t raw = bytes[group + b * quants + byte / 4 * 32 + lane * 4 + byte % 4];
        const int value = bits == 8 ? static_cast<int8_t>(raw) : i < 16 ? raw & 15 : raw >> 4;
        weight[static_cast<size_t>((row * blocks + b) * 32 + i)] = value * scale + minimum;
      }
    }
  }
}

struct Rounded {
  Rounded(int64_t batch, int64_t blocks)
      : wide(batch * blocks * 32),
        planes(2 * batch * blocks * 32),
        steps(batch * blocks),
        sums(batch * blocks) {}
  Guarded<int16_t> wide;
  Guarded<int8_t> planes;
  Floats steps, sums;
};

TEST_P(KernelsAlone, ActivationsAreRoundedToTheNearestStep) {
  constexpr int64_t kBlocks = 4;
  std::vector<float> numbers = some_numbers(kBlocks * 32, 1);
  for (size_t i = 32; i < 64; ++i) numbers[i] *= 1e-37f;  // too small for a step
  for (size_t i = 64; i < 96; ++i) numbers[i] *= 1e-28f;
  const Floats x(numbers);
  Rounded rounded(1, kBlocks);
  kernels()->quantize_input(x.data(), kBlocks, rounded.wide.data(), rounded.planes.data(),
                            rounded.steps.data(), rounded.sums.data());
  for (int64_t b = 0; b < kBlocks; ++b) {
    const double step = rounded.steps[b];
    double sum = 0, extent = 0;
    for (int64_t i = b * 32; i < b * 32 + 32; ++i) {
      const int n = rounded.wide[i];
      EXPECT_EQ(254 * rounded.planes[i] + rounded.planes[kBlocks * 32 + i], n);
      EXPECT_LE(std::fabs(n * step - x[i]), step * 0.51 + (b == 1 ? 1e-30 : 0)) << i;
      sum += n * step;
      extent = std::max(extent, std::fabs(static_cast<double>(x[i])));
    }
    EXPECT_NEAR(step, b == 1 ? 0 : extent / 32258, extent / 32258 * 1e-6);
    EXPECT_NEAR(rounded.sums[b], sum, extent * 1e-4);
  }
}

TEST_P(BlockProductsAlone, QuantisedProducts) {
  constexpr int64_t kRows = 45, kBlocks = 5;
  using Product = decltype(KernelTable::product_q8_0);
  const std::tuple<Product, int, bool> formats[] = {{kernels()->product_q8_0, 8, false},
                                                    {kernels()->product_q4_0, 4, false},
                                                    {kernels()->product_q4_1, 4, true}};
  for (const auto& [product, bits, minima] : formats) {
    const Blocks w(kRows, kBlocks, bits, minima, 7);
    for (int64_t batch : {1, 2, 3}) {
      const Floats x(some_numbers(batch * kBlocks * 32, 3));
      Rounded in(batch, kBlocks);
      Exact exact;
      for (int64_t n = 0; n < batch; ++n) {
        kernels()->quantize_input(x.data() + n * kBlocks * 32, kBlocks,
                                  in.wide.data() + n * kBlocks * 32,
                                  in.planes.data() + 2 * n * kBlocks * 32,
                                  in.steps.data() + n * kBlocks, in.sums.data() + n * kBlocks);
        for (int64_t r = 0; r < kRows; ++r) {
          double sum = 0;  // of the rounded activations: the kernels add nothing but fp32 rounding
          for (int64_t i = 0; i < kBlocks * 32; ++i) {
            sum += w.weight[static_cast<size_t>(r * kBlocks * 32 + i)] *
                   in.wide[n * kBlocks * 32 + i] * in.steps[n * kBlocks + i / 32];
          }
          exact.push_back(sum);
        }
      }
      Floats y(batch * kRows);
      const QuantizedInput input{in.wide.data(), in.planes.data(), in.steps.data(),
                                 in.sums.data(), batch};
      product(w.rows, input, y.data(), 0, 3);  // in two parts, as threads do
      product(w.rows, input, y.data(), 3, (kRows + 7) / 8);
      EXPECT_LT(difference(y, exact), 1e-5) << bits << " bits, " << batch;
    }
  }
}

// The largest sums that the integers of the kernels have to hold.
TEST_P(BlockProductsAlone, QuantisedProductsOfExtremes) {
  constexpr int64_t kBlocks = 3;
  for (const int bits : {8, 4}) {
    Blocks w(8, kBlocks, bits, false, 1);
    const int extreme = bits == 8 ? -128 : 15;
    std::memset(w.bytes.data(), bits == 8 ? 0x80 : 0xff, static_cast<size_t>(kBlocks * bits * 32));
    for (const float sign : {1.0f, -1.0f}) {
      const Floats x(std::vector<float>(kBlocks * 32, 127 * sign));
      Rounded in(1, kBlocks);
      kernels()->quantize_input(x.data(), kBlocks, in.wide.data(), in.planes.data(),
                                in.steps.data(), in.sums.data());
      Exact exact(8);
      for (int64_t i = 0; i < 8 * kBlocks; ++i) {
        uint16_t half;
        std::memcpy(&half, w.bytes.data() + kBlocks * bits * 32 + i * 2, 2);
        exact[static_cast<size_t>(i % 8)] += half_to_double(half) * 32 * 127 * sign *
                                             (bits == 8 ? extreme : extreme - 8);
      }
      Floats y(8);
      const QuantizedInput input{in.wide.data(), in.planes.data(), in.steps.data(),
                                 in.sums.data(), 1};
      (bits == 8 ? kernels()->product_q8_0 : kernels()->product_q4_0)(w.rows, input, y.data(), 0,
                                                                       1);
      EXPECT_LT(difference(y, exact), 1e-5) << bits;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, KernelsAlone, ::testing::ValuesIn(kernel_variants()), variant_name);
INSTANTIATE_TEST_SUITE_P(All, BlockProductsAlone,
                         ::testing::ValuesIn(block_product_variants()), variant_name);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BlockProductsAlone);  // AArch64's have none

// The choice at run time: the widest kernels that the processor has.
TEST(Kernels, AreChosenFromWhatTheProcessorHas) {
  const CpuFeatures& features = cpu_features();
  const KernelTable* chosen = kernels();
#if defined(__x86_64__)
  if (!features.avx2) {
    EXPECT_EQ(chosen, nullptr);
  } else {
    const char* of_avx512 = features.avx512_vnni ? "avx512_vnni" : "avx512";
    EXPECT_STREQ(chosen->name, features.avx512 ? of_avx512 : "avx2");
  }
#else
  EXPECT_STREQ(chosen->name, "generic");
  EXPECT_FALSE(features.avx2);
#endif
}

}  // namespace
}  // namespace attune::engine::ops::cpu
