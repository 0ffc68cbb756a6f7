// Tree attention on random forests: the kernels and the way by segments against plain scores in
// double precision, forward and backward; and a forest against its paths run one by one.
#include <ATen/ops/cat.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "engine/ops/attention.h"
#include "engine/ops/attention_segments.h"
#include "engine/tensor/gradient_check.h"
#include "engine/tensor/test_device.h"
#include "engine/tensor/threads.h"

namespace attune::engine::ops {
namespace {

using testing::gradients;
using Inputs = std::vector<Tensor>;
using Operation = std::function<Tensor(const Inputs&)>;

struct Problem {
  PackedLayout layout;
  AttentionOptions options;
  Inputs inputs;  // q [N, H, Dh], k and v [N, Hk, Dh]
  Tensor outer;   // d out
};

PackedLayout random_forest() {
  PackedLayout layout;
  const int segments = *rc::gen::inRange(1, 9);
  for (int i = 0; i < segments; ++i) {
    // Some longer than a block of keys (64), the first one than a task of the kernels (128 rows).
    const int64_t most = *rc::gen::element<int64_t>(3, 12, 12, i == 0 ? 200 : 70);
    const int64_t length = *rc::gen::inRange<int64_t>(1, most);
    const auto parent = *rc::gen::inRange<int64_t>(-1, layout.segment_count());
    if (parent < 0) layout.add_root(length);
    else layout.add_child(parent, length);
  }
  return layout;
}

Problem random_problem() {
  Problem problem;
  problem.layout = random_forest();
  const int64_t key_heads = *rc::gen::inRange<int64_t>(1, 4);
  const int64_t heads = key_heads * *rc::gen::inRange<int64_t>(1, 4);
  const int64_t width = *rc::gen::element<int64_t>(8, 16, 20, 24, 64);
  AttentionOptions& options = problem.options;
  if (*rc::gen::arbitrary<bool>()) options.window = *rc::gen::inRange<int64_t>(1, 100);
  if (*rc::gen::arbitrary<bool>()) options.scale = 0.21;
  if (*rc::gen::arbitrary<bool>()) {
    options.alibi_scale = 0.4;
    for (int64_t h = 0; h < heads; ++h) {
      options.alibi_slopes.push_back(*rc::gen::element(0.70703125f, 0.25f, 0.08837890625f));
    }
  }
  const int64_t n = problem.layout.tokens();
  problem.inputs = on_test_device({at::randn({n, heads, width}),
                                   at::randn({n, key_heads, width}),
                                   at::randn({n, key_heads, width})});
  problem.outer = on_test_device(at::randn({n, heads, width}));
  RC_LOG() << n << " tokens, " << problem.layout.segment_count() << " segments, " << heads << "/"
           << key_heads << " heads of " << width << ", window " << options.window;
  return problem;
}

Inputs wide(const Inputs& inputs) {
  Inputs out;
  for (const Tensor& x : inputs) out.push_back(x.to(at::kDouble));
  return out;
}

// The result and the gradients of its product with `outer`, in this order.
Inputs run(const Operation& operation, const Inputs& inputs, const Tensor& outer) {
  Inputs all = gradients(
      [&](const Inputs& x) { return (operation(x) * outer.to(x[0].scalar_type())).sum(); },
      inputs);
  all.insert(all.begin(), operation(inputs));
  return all;
}

double largest(const Tensor& x) { return x.abs().max().item<double>(); }

// Each tensor within 1e-5 of its largest value; a gradient that all but cancels within 1e-5 of a
// tenth of the largest one, and of a third where it is zero (of q where every row sees one key);
// four times that on a GPU.
void assert_close(const Inputs& found, const Inputs& wanted) {
  const double most = test_device().is_cpu() ? 1e-5 : 4e-5;
  double of_all = 0;
  for (const Tensor& tensor : wanted) of_all = std::max(of_all, largest(tensor));
  for (size_t i = 0; i < wanted.size(); ++i) {
    RC_ASSERT(found[i].sizes() == wanted[i].sizes());
    const double off = largest(found[i].to(at::kDouble) - wanted[i].to(at::kDouble));
    const double size = largest(wanted[i]);
    const bool is_zero = size < 1e-12 * of_all;  // but for the rounding of double precision
    const double share = off / std::max(size, of_all / (is_zero ? 3 : 10));
    if (!(share < most)) {
      RC_FAIL("tensor " + std::to_string(i) + " is off by " + std::to_string(share));
    }
  }
}

TEST(TreeAttentionProperty, FastPathsEqualPlainScores) {
  const int before = compute_threads();
  const bool held = rc::check("fused and by segments equal the reference", [] {
    set_compute_threads(*rc::gen::element(1, 2, 2, 2, 3));
    const Problem p = random_problem();
    const auto by = [&p](auto f) -> Operation {
      return [&p, f](const Inputs& x) { return f(x[0], x[1], x[2], p.layout, p.options); };
    };
    const Inputs wanted = run(by(tree_attention_reference), wide(p.inputs), p.outer);
    assert_close(run(by(tree_attention), p.inputs, p.outer), wanted);
    assert_close(run(by(tree_attention_by_segment), p.inputs, p.outer), wanted);
  });
  set_compute_threads(before);
  EXPECT_TRUE(held);
}

// Packed tokens of every root-to-leaf path, path by path; and those paths as roots.
struct Paths {
  PackedLayout layout;
  Tensor tokens;  // [tokens of all paths] into the forest
};

Paths paths_of(const PackedLayout& forest) {
  std::vector<bool> has_child(static_cast<size_t>(forest.segment_count()), false);
  for (const Segment& s : forest.segments()) {
    if (s.parent >= 0) has_child[static_cast<size_t>(s.parent)] = true;
  }
  Paths paths;
  std::vector<int64_t> tokens;
  for (int64_t leaf = 0; leaf < forest.segment_count(); ++leaf) {
    if (has_child[static_cast<size_t>(leaf)]) continue;
    const size_t before = tokens.size();
    for (int64_t at : forest.path_to(leaf)) {
      const Segment& s = forest.segment(at);
      for (int64_t i = 0; i < s.length; ++i) tokens.push_back(s.begin + i);
    }
    paths.layout.add_root(static_cast<int64_t>(tokens.size() - before));
  }
  paths.tokens = on_test_device(at::tensor(tokens, at::kLong));
  return paths;
}

// Shared tokens give the same hidden states on every path, and collect the gradients of all.
TEST(TreeAttentionProperty, AForestEqualsItsPathsRunOneByOne) {
  const bool held = rc::check("a forest equals its paths", [] {
    const Problem p = random_problem();
    const Paths paths = paths_of(p.layout);
    const Tensor outer = at::index_select(p.outer, 0, paths.tokens);
    const auto apart = [&](const Inputs& x) {
      Inputs spread;
      for (const Tensor& t : x) spread.push_back(at::index_select(t, 0, paths.tokens));
      return tree_attention(spread[0], spread[1], spread[2], paths.layout, p.options);
    };
    const auto shared = [&](const Inputs& x) {
      const Tensor y = tree_attention(x[0], x[1], x[2], p.layout, p.options);
      return at::index_select(y, 0, paths.tokens);
    };
    assert_close(run(shared, p.inputs, outer), run(apart, p.inputs, outer));
  });
  EXPECT_TRUE(held);
}

}  // namespace
}  // namespace attune::engine::ops
