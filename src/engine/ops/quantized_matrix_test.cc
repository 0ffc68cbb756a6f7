#include "engine/ops/quantized_matrix.h"

#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "engine/ops/cpu/kernels.h"
#include "engine/tensor/gradient_check.h"

namespace attune::engine::ops {
namespace {

using testing::relative_difference;

bool has_products() {
  return cpu::kernels() != nullptr && cpu::kernels()->product_q8_0 != nullptr;
}

class Quantized : public ::testing::TestWithParam<BlockFormat> {};

TEST_P(Quantized, RoundTripStaysWithinHalfAStep) {
  const Tensor weight = at::randn({24, 96});
  const Tensor back = QuantizedMatrix::quantize(weight, GetParam()).dequantize();
  const Tensor blocks = weight.view({24, 3, 32});
  const Tensor extent = blocks.amax(-1) - blocks.amin(-1), size = blocks.abs().amax(-1);
  Tensor step = size / 127;
  if (GetParam() == BlockFormat::kQ4_0) step = size / 8 * 2;  // one end of the range is cut off
  if (GetParam() == BlockFormat::kQ4_1) step = extent / 15;
  const Tensor off = (back - weight).abs().view({24, 3, 32}).amax(-1);
  // Half a step, and the rounding of scale and minimum to fp16.
  EXPECT_TRUE((off <= 0.5 * step + 2e-3 * size).all().item<bool>());
}

TEST_P(Quantized, QuantisingAgainChangesNothing) {
  const Tensor once = QuantizedMatrix::quantize(at::randn({8, 64}), GetParam()).dequantize();
  const Tensor twice = QuantizedMatrix::quantize(once, GetParam()).dequantize();
  EXPECT_LT(relative_difference(twice, once), 2e-3);
}

TEST_P(Quantized, RowsAreThoseOfTheWhole) {
  const auto matrix = QuantizedMatrix::quantize(at::randn({21, 64}), GetParam());
  const Tensor ids = at::tensor({20, 0, 7, 7}, at::kLong);
  EXPECT_TRUE(matrix.dequantize_rows(ids).equal(matrix.dequantize().index_select(0, ids)));
}

TEST_P(Quantized, GradientOfXIsThatOfTheDequantisedProduct) {
  const auto matrix = QuantizedMatrix::quantize(at::randn({40, 64}), GetParam());
  for (int64_t rows : {1, 50}) {
    const Tensor x = at::randn({rows, 64}), outer = at::randn({rows, 40});
    const auto found = testing::gradients(
        [&](const std::vector<Tensor>& in) {
          return (quantized_linear(in[0], matrix) * outer).sum();
        },
        {x});
    EXPECT_LT(relative_difference(found[0], outer.matmul(matrix.dequantize())), 1e-5);
  }
}

// The contract of quantized_product: the second rounding of x, block by block, bounds every
// element.
TEST_P(Quantized, KernelsStayWithinTheStatedBound) {
  if (!has_products()) GTEST_SKIP() << "no quantised kernels on this machine";
  for (int64_t batch : {1, 2, 3, 4, 7, 16}) {
    const auto matrix = QuantizedMatrix::quantize(at::randn({45, 160}), GetParam());
    const Tensor x = at::randn({batch, 160}), weight = matrix.dequantize();
    const Tensor exact = x.to(at::kDouble).matmul(weight.to(at::kDouble).t());
    const Tensor extent = x.abs().view({batch, 5, 32}).amax(-1);        // [batch, blocks]
    const Tensor size = weight.abs().view({45, 5, 32}).sum(-1);         // [rows, blocks]
    const Tensor bound = extent.matmul(size.t()) / (254 * 254) * 1.01 + 2e-5;
    const Tensor off = (quantized_product(x, matrix).to(at::kDouble) - exact).abs();
    EXPECT_TRUE((off <= bound).all().item<bool>()) << batch;
    EXPECT_GT(off.max().item<double>(), 0) << "that was no quantised product";
  }
}

// Integers up to 127 with one 127 a block survive the rounding of x: then only fp32 rounding is
// left.
TEST_P(Quantized, KernelsAreExactForIntegers) {
  if (!has_products()) GTEST_SKIP() << "no quantised kernels on this machine";
  const auto matrix = QuantizedMatrix::quantize(at::randn({24, 64}), GetParam());
  Tensor x = at::randint(-127, 128, {3, 64}).to(at::kFloat);
  x.select(1, 5).fill_(127);
  x.select(1, 40).fill_(-127);
  const Tensor exact = x.matmul(matrix.dequantize().t());
  EXPECT_LT(relative_difference(quantized_product(x, matrix), exact), 1e-5);
}

TEST_P(Quantized, FewRowsTakeTheKernelsAndZeroRowsAreZero) {
  const auto matrix = QuantizedMatrix::quantize(at::randn({9, 32}), GetParam());
  const Tensor x = at::randn({2, 32});
  if (has_products()) {
    EXPECT_TRUE(quantized_linear(x, matrix).equal(quantized_product(x, matrix)));
  }
  EXPECT_EQ(quantized_linear(x * 0, matrix).abs().max().item<float>(), 0);
}

INSTANTIATE_TEST_SUITE_P(Formats, Quantized,
                         ::testing::Values(BlockFormat::kQ8_0, BlockFormat::kQ4_0,
                                           BlockFormat::kQ4_1));

TEST(QuantizedMatrix, ReadsGgufBlocks) {
  // Q4_1: scale 0.5, minimum -1; byte i holds weight i (low nibble) and weight i + 16 (high).
  std::vector<uint8_t> bytes{0x00, 0x38, 0x00, 0xbc};
  for (int i = 0; i < 16; ++i) bytes.push_back(static_cast<uint8_t>(i | ((15 - i) << 4)));
  const Tensor got = QuantizedMatrix::from_blocks(bytes, 1, 32, BlockFormat::kQ4_1).dequantize();
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(got[0][i].item<float>(), 0.5f * static_cast<float>(i) - 1);
    EXPECT_EQ(got[0][i + 16].item<float>(), 0.5f * static_cast<float>(15 - i) - 1);
  }
}

}  // namespace
}  // namespace attune::engine::ops
