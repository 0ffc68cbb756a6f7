// Every instruction set's kernels against plain operators in double precision: those that this
// machine would choose, and the text of the others (AArch64's plain one, the 16 lanes of AVX-512)
// compiled for this machine. Here they are called through the operators; cpu/kernels_alone_test.cc
// calls them by themselves.
#include <ATen/ops/arange.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <tuple>

#include "engine/ops/attention.h"
#include "engine/ops/cpu/kernel_variants.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/linear_log_probs.h"
#include "engine/ops/matrix_product.h"
#include "engine/ops/quantized_matrix.h"
#include "engine/ops/rotary.h"
#include "engine/tensor/gradient_check.h"

namespace attune::engine::ops {

namespace {

using testing::gradients;
using testing::relative_difference;
using Inputs = std::vector<Tensor>;
using Operation = std::function<Tensor(const Inputs&)>;

class KernelVariant : public cpu::VariantTest {};

void expect_same(const Operation& by_kernels, const Operation& plain, const Inputs& inputs) {
  Inputs wide;
  for (const Tensor& x : inputs) wide.push_back(x.to(at::kDouble));
  const Tensor expected = plain(wide);
  EXPECT_LT(relative_difference(by_kernels(inputs), expected), 1e-5);
  const Tensor outer = at::randn(expected.sizes());
  const auto found = gradients([&](const Inputs& x) { return (by_kernels(x) * outer).sum(); },
                               inputs);
  const auto wanted = gradients(
      [&](const Inputs& x) { return (plain(x) * outer.to(at::kDouble)).sum(); }, wide);
  for (size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_LT(relative_difference(found[i], wanted[i]), 1e-5) << "gradient " << i;
  }
}

TEST_P(KernelVariant, NormsAndGates) {
  for (int64_t width : {7, 16, 33, 577}) {
    expect_same([](const Inputs& x) { return rms_norm(x[0], x[1], 1e-5); },
                [](const Inputs& x) { return rms_norm_reference(x[0], x[1], 1e-5); },
                {at::randn({70, width}) * 3, at::randn({width})});
    expect_same([](const Inputs& x) { return swiglu(x[0], x[1]); },
                [](const Inputs& x) { return swiglu_reference(x[0], x[1]); },
                {at::randn({19, width}) * 4, at::randn({19, width})});
  }
}

TEST_P(KernelVariant, Rotary) {
  const Tensor positions = at::randint(64, {50}, at::kLong);
  for (int64_t half : {2, 8, 13, 16}) {
    const RotaryTable table =
        make_rotary_table(at::arange(1, half + 1, at::kFloat).reciprocal(), 64, 1.25);
    expect_same([&](const Inputs& x) { return rotate(x[0], table, positions); },
                [&](const Inputs& x) { return rotate_reference(x[0], table, positions); },
                {at::randn({50, 3, 32})});
  }
}

TEST_P(KernelVariant, TreeAttention) {
  PackedLayout layout;
  const int64_t prompt = layout.add_root(75);
  const int64_t child = layout.add_child(prompt, 150);
  layout.add_child(child, 9);
  layout.add_child(prompt, 1);
  layout.add_root(30);
  const int64_t n = layout.tokens();
  const AttentionOptions both{.window = 40, .alibi_slopes = {0.5f, 0.70703125f, 0.25f, 0.125f}};
  for (const AttentionOptions& options : {AttentionOptions{}, both}) {
    for (int64_t width : {16, 48, 64}) {
      expect_same(
          [&](const Inputs& x) { return tree_attention(x[0], x[1], x[2], layout, options); },
          [&](const Inputs& x) {
            return tree_attention_reference(x[0], x[1], x[2], layout, options);
          },
          {at::randn({n, 4, width}), at::randn({n, 2, width}), at::randn({n, 2, width})});
    }
  }
}

// Odd sizes, sizes beyond a block in each direction, and operands in every order.
TEST_P(KernelVariant, MatrixProducts) {
  const ProductOverride chosen(ProductKind::kOwn);
  for (const auto& [rows, columns, depth] : std::vector<std::tuple<int64_t, int64_t, int64_t>>{
           {65, 131, 1009}, {701, 70, 200}, {151, 2155, 33}}) {
    for (const bool turned_a : {false, true}) {
      for (const bool turned_b : {false, true}) {
        const Tensor a = turned_a ? at::randn({depth, rows}).t() : at::randn({rows, depth});
        const Tensor b = turned_b ? at::randn({columns, depth}).t() : at::randn({depth, columns});
        const Tensor whole = at::randn({rows, columns + 3});  // rows of C lie apart
        const Tensor before = whole.clone();
        const Tensor exact = a.to(at::kDouble).matmul(b.to(at::kDouble));
        Tensor c = whole.narrow(1, 0, columns);
        product_out(c, a, b);
        EXPECT_LT(relative_difference(c, exact), 1e-5) << rows;
        add_product(c, a, b);
        EXPECT_LT(relative_difference(c, exact * 2), 1e-5) << rows;
        EXPECT_TRUE(whole.narrow(1, columns, 3).equal(before.narrow(1, columns, 3))) << rows;
      }
    }
  }
}

TEST_P(KernelVariant, LogProbs) {
  for (int64_t vocabulary : {5, 37, 2100}) {  // a row of the softmax is read in blocks of 2048
    const Tensor rows = at::randint(20, {9}, at::kLong);
    const Tensor targets = at::randint(vocabulary, {9}, at::kLong);
    const auto dense = [&](const Inputs& x) {
      return at::log_softmax(x[0].index_select(0, rows).matmul(x[1].t()), 1);
    };
    const Inputs inputs{at::randn({20, 12}), at::randn({vocabulary, 12})};
    expect_same(
        [&](const Inputs& x) {
          return linear_log_probs(x[0], x[1], {}, rows, targets, {.chunk_rows = 4}).log_probs;
        },
        [&](const Inputs& x) { return dense(x).gather(1, targets.unsqueeze(1)).squeeze(1); },
        inputs);
    const LogProbs more = linear_log_probs(inputs[0], inputs[1], {}, rows, targets,
                                           {.entropy = true, .accuracy = true});
    const Tensor all = dense({inputs[0].to(at::kDouble), inputs[1].to(at::kDouble)});
    EXPECT_LT(relative_difference(*more.entropy, (all.exp() * all).sum(1).neg()), 1e-5);
    EXPECT_TRUE(more.correct->equal(all.argmax(1) == targets));
  }
}

// Integers with a 127 in every block survive the rounding of x: only fp32 rounding is left.
TEST_P(KernelVariant, QuantisedProducts) {
  for (BlockFormat format : {BlockFormat::kQ8_0, BlockFormat::kQ4_0, BlockFormat::kQ4_1}) {
    const auto matrix = QuantizedMatrix::quantize(at::randn({45, 160}), format);
    for (int64_t batch : {1, 3, 6}) {
      Tensor x = at::randint(-127, 128, {batch, 160}).to(at::kFloat);
      x.view({batch, 5, 32}).select(2, 11).fill_(127);
      const Tensor exact = x.to(at::kDouble).matmul(matrix.dequantize().to(at::kDouble).t());
      // Where a processor has no such kernel, the same call must go another way.
      EXPECT_LT(relative_difference(quantized_linear(x, matrix), exact), 1e-5) << batch;
    }
  }
}

// A block of activations too small for a step to be a number is a block of zeros, and no NaN; the
// blocks beside it keep their product.
TEST_P(KernelVariant, QuantisedProductsOfTinyActivations) {
  for (BlockFormat format : {BlockFormat::kQ8_0, BlockFormat::kQ4_0, BlockFormat::kQ4_1}) {
    const auto matrix = QuantizedMatrix::quantize(at::randn({13, 96}), format);
    for (const double size : {1e-31, 1e-36, 1e-42}) {  // the last are denormal
      Tensor x = at::randint(-127, 128, {3, 96}).to(at::kFloat);
      x.view({3, 3, 32}).select(2, 11).fill_(127);
      const Tensor exact = x.narrow(1, 32, 64).to(at::kDouble).matmul(
          matrix.dequantize().narrow(1, 32, 64).to(at::kDouble).t());
      x.narrow(1, 0, 32).mul_(size);
      EXPECT_LT(relative_difference(quantized_linear(x, matrix), exact), 1e-5) << size;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, KernelVariant, ::testing::ValuesIn(cpu::kernel_variants()),
                         cpu::variant_name);

}  // namespace
}  // namespace attune::engine::ops
