#include "engine/ops/attention.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "engine/ops/attention_segments.h"
#include "engine/tensor/gradient_check.h"
#include "engine/tensor/test_device.h"

namespace attune::engine::ops {
namespace {

using testing::gradient_error;
using testing::gradients;
using testing::relative_difference;

// Roots, a pair on a prompt, a chain below a child, segments of one token.
PackedLayout mixed_forest(int64_t unit) {
  PackedLayout layout;
  layout.add_root(3 * unit);
  const int64_t prompt = layout.add_root(2 * unit + 1);
  const int64_t chosen = layout.add_child(prompt, unit + 2);
  layout.add_child(prompt, 1);
  layout.add_child(chosen, unit);
  layout.add_child(chosen, unit + 1);
  layout.add_root(1);
  return layout;
}

struct Case {
  const char* name;
  int64_t unit;
  int64_t heads;
  int64_t key_heads;
  int64_t width;
  AttentionOptions options;
};

std::vector<Case> cases() {
  AttentionOptions window{.window = 4, .alibi_slopes = {}};
  AttentionOptions scaled{.scale = 0.3, .alibi_slopes = {}};
  AttentionOptions alibi{.alibi_slopes = {0.5f, 0.70703125f, 0.125f, 0.0625f}};
  AttentionOptions both{.window = 9, .alibi_slopes = {0.5f, 0.25f, 0.125f, 0.0883789f},
                        .alibi_scale = 0.3};
  return {{"plain", 5, 4, 4, 16, {}},     {"grouped", 5, 6, 2, 16, {}},
          {"one_key_head", 7, 5, 1, 8, {}}, {"window", 6, 4, 2, 16, window},
          {"scaled", 4, 2, 1, 24, scaled},  {"alibi", 6, 4, 2, 16, alibi},
          {"window_alibi", 11, 4, 4, 8, both}, {"long", 67, 3, 1, 64, {}},
          {"long_window", 80, 4, 2, 32, {.window = 50, .alibi_slopes = {}}},
          {"odd_width", 40, 2, 1, 20, {}}};
}

class Attention : public ::testing::TestWithParam<Case> {};

using Implementation = Tensor (*)(const Tensor&, const Tensor&, const Tensor&,
                                  const PackedLayout&, const AttentionOptions&);

void expect_equal_to_reference(Implementation implementation, const Case& c, double tolerance,
                               at::ScalarType type = at::kFloat) {
  const PackedLayout layout = mixed_forest(c.unit);
  const int64_t n = layout.tokens();
  const auto random = [&](int64_t heads) {
    return on_test_device(at::randn({n, heads, c.width})).to(type);
  };
  const Tensor q = random(c.heads), k = random(c.key_heads), v = random(c.key_heads);
  const Tensor outer = random(c.heads);
  const auto loss_by = [&](Implementation f) {
    return [&, f](const std::vector<Tensor>& x) {
      return (f(x[0], x[1], x[2], layout, c.options) * outer.to(x[0].scalar_type())).sum();
    };
  };
  const Tensor expected = tree_attention_reference(q.to(at::kDouble), k.to(at::kDouble),
                                                   v.to(at::kDouble), layout, c.options);
  EXPECT_LT(relative_difference(implementation(q, k, v, layout, c.options), expected), tolerance);
  const auto wanted = gradients(loss_by(tree_attention_reference),
                                {q.to(at::kDouble), k.to(at::kDouble), v.to(at::kDouble)});
  const auto found = gradients(loss_by(implementation), {q, k, v});
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_LT(relative_difference(found[i], wanted[i]), tolerance) << "gradient " << i;
  }
}

TEST_P(Attention, SegmentPathEqualsReference) {
  expect_equal_to_reference(tree_attention_by_segment, GetParam(), 1e-5);
}

TEST_P(Attention, ChosenPathEqualsReference) {
  expect_equal_to_reference(tree_attention, GetParam(), 1e-5);
}

// bf16 in and out: to the 8 bits that it has.
TEST_P(Attention, HalfPrecisionEqualsReference) {
  expect_equal_to_reference(tree_attention, GetParam(), 2e-2, at::kBFloat16);
}

INSTANTIATE_TEST_SUITE_P(Cases, Attention, ::testing::ValuesIn(cases()),
                         [](const auto& c) { return std::string(c.param.name); });

TEST(AttentionReference, GradientsInDoublePrecision) {
  PackedLayout layout;
  const int64_t prompt = layout.add_root(3);
  layout.add_child(prompt, 2);
  layout.add_child(prompt, 2);
  const AttentionOptions options{.window = 4, .alibi_slopes = {0.5f, 0.25f}};
  const auto f64 = at::TensorOptions(at::kDouble);
  const Tensor outer = at::randn({7, 2, 4}, f64);
  const double error = gradient_error(
      [&](const std::vector<Tensor>& x) {
        return (tree_attention_reference(x[0], x[1], x[2], layout, options) * outer).sum();
      },
      {at::randn({7, 2, 4}, f64), at::randn({7, 1, 4}, f64), at::randn({7, 1, 4}, f64)});
  EXPECT_LT(error, 1e-7);
}

// The bias by hand: positions and products in bf16 (8 significant bits, ties to even), then scaled.
TEST(Attention, AlibiIsRoundedAsTransformersRoundsIt) {
  const AttentionOptions options{.alibi_slopes = {0.5f, 0.70703125f}, .alibi_scale = 0.5};
  const Tensor bias = alibi_biases(options, at::tensor({0, 3, 256, 257, 259, 1001}, at::kLong));
  const Tensor expected = at::tensor({0.0, 0.75, 64.0, 64.0, 65.0, 250.0,  //
                                      0.0, 1.0625, 90.5, 90.5, 92.0, 354.0});
  EXPECT_LT(relative_difference(bias, expected.view({2, 6})), 1e-7);
}

// A prompt shared by completions gives what every path as a sequence of its own gives.
TEST(Attention, SharedPromptEqualsSeparateSequences) {
  PackedLayout tree, flat;
  const int64_t prompt = tree.add_root(5);
  tree.add_child(prompt, 4);
  tree.add_child(prompt, 3);
  flat.add_root(9);
  flat.add_root(8);
  const Tensor q = at::randn({12, 4, 8}), k = at::randn({12, 2, 8}), v = at::randn({12, 2, 8});
  const auto unshared = [](const Tensor& x) {
    return at::cat({x.narrow(0, 0, 9), x.narrow(0, 0, 5), x.narrow(0, 9, 3)});
  };
  const Tensor shared = tree_attention(q, k, v, tree);
  const Tensor apart = tree_attention(unshared(q), unshared(k), unshared(v), flat);
  EXPECT_LT(relative_difference(unshared(shared), apart), 1e-6);
}

TEST(Attention, WithoutGradNothingIsRecorded) {
  PackedLayout layout;
  layout.add_root(6);
  const Tensor x = at::randn({6, 2, 8});
  EXPECT_FALSE(tree_attention(x, x, x, layout).requires_grad());
}

}  // namespace
}  // namespace attune::engine::ops
