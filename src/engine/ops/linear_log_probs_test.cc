#include "engine/ops/linear_log_probs.h"

#include <ATen/ops/log_softmax.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "engine/tensor/gradient_check.h"
#include "engine/tensor/test_device.h"

namespace attune::engine::ops {
namespace {

using testing::gradient_error;
using testing::gradients;
using testing::relative_difference;

constexpr int64_t kTokens = 11, kWidth = 6, kVocabulary = 37;

struct Case {
  const char* name;
  bool bias;
  LogProbOptions options;
};

std::vector<Case> cases() {
  return {{"plain", false, {.chunk_rows = 4}},
          {"one_chunk", true, {.chunk_rows = 256}},
          {"one_chunk_without_bias", false, {.chunk_rows = 256}},
          {"temperature", true, {.temperature = 0.7, .chunk_rows = 3}},
          {"softcap", false, {.chunk_rows = 4, .logit_softcap = 3.0}},
          {"scale", true, {.chunk_rows = 5, .logit_scale = 0.25}},
          {"all_in_one_chunk", false,
           {.temperature = 1.3, .chunk_rows = 9, .logit_softcap = 4.0, .logit_scale = 1.5}},
          {"all", true,
           {.temperature = 1.3, .chunk_rows = 4, .logit_softcap = 4.0, .logit_scale = 1.5}}};
}

// The formula as it is written, with all logits.
Tensor dense(const std::vector<Tensor>& x, const Tensor& rows, const LogProbOptions& o) {
  Tensor logits = x[0].index_select(0, rows).matmul(x[1].t());
  if (x.size() > 2) logits = logits + x[2];
  logits = logits * o.logit_scale;
  if (o.logit_softcap > 0) logits = (logits / o.logit_softcap).tanh() * o.logit_softcap;
  return at::log_softmax(logits / o.temperature, 1);
}

Tensor bias_of(const std::vector<Tensor>& x) { return x.size() > 2 ? x[2] : Tensor(); }

class LinearLogProbs : public ::testing::TestWithParam<Case> {
 protected:
  LinearLogProbs() {
    inputs = {at::randn({kTokens, kWidth}), at::randn({kVocabulary, kWidth})};
    if (GetParam().bias) inputs.push_back(at::randn({kVocabulary}));
    inputs = on_test_device(inputs);
  }

  std::vector<Tensor> wide() const {
    std::vector<Tensor> out;
    for (const Tensor& x : inputs) out.push_back(x.to(at::kCPU, at::kDouble));
    return out;
  }

  std::vector<Tensor> inputs;
  // Row 4 is asked three times: a shared prompt's last token.
  Tensor rows = at::tensor({0, 4, 4, 4, 7, 9, 10, 2, 3}, at::kLong);
  Tensor targets = at::randint(kVocabulary, {9}, at::kLong);
  Tensor outer = at::randn({9});
};

TEST_P(LinearLogProbs, ForwardEqualsDense) {
  LogProbOptions options = GetParam().options;
  options.entropy = options.accuracy = true;
  const Tensor all = dense(wide(), rows, options);
  LogProbs got = linear_log_probs(inputs[0], inputs[1], bias_of(inputs), rows, targets, options);
  EXPECT_LT(relative_difference(got.log_probs, all.gather(1, targets.unsqueeze(1)).squeeze(1)),
            1e-5);
  EXPECT_LT(relative_difference(*got.entropy, (all.exp() * all).sum(1).neg()), 1e-5);
  EXPECT_TRUE(got.correct->equal(all.argmax(1) == targets));
  EXPECT_FALSE(got.log_sum_squares.has_value());
  options.log_sum_squares = true;
  const Tensor before = got.log_probs;
  got = linear_log_probs(inputs[0], inputs[1], bias_of(inputs), rows, targets, options);
  EXPECT_LT(relative_difference(*got.log_sum_squares, (all * 2).exp().sum(1).log()), 1e-5);
  EXPECT_LT(relative_difference(got.log_probs, before), 1e-6);
}

TEST_P(LinearLogProbs, GradientsEqualDense) {
  const LogProbOptions& options = GetParam().options;
  const auto wanted = gradients(
      [&](const std::vector<Tensor>& x) {
        const Tensor p = dense(x, rows, options).gather(1, targets.unsqueeze(1)).squeeze(1);
        return p.dot(outer.to(at::kDouble));
      },
      wide());
  const auto found = gradients(
      [&](const std::vector<Tensor>& x) {
        return linear_log_probs(x[0], x[1], bias_of(x), rows, targets, options)
            .log_probs.dot(outer);
      },
      inputs);
  const auto fused = gradients(
      [&](const std::vector<Tensor>& x) {
        return linear_nll(x[0], x[1], bias_of(x), rows, targets, outer.neg(), options).loss;
      },
      inputs);
  for (size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_LT(relative_difference(found[i], wanted[i]), 1e-5) << i;
    EXPECT_LT(relative_difference(fused[i], wanted[i]), 1e-5) << i;
  }
}

TEST_P(LinearLogProbs, GradientsInDoublePrecision) {
  const LogProbOptions& options = GetParam().options;
  const Tensor weights = outer.to(at::kDouble);
  const auto log_probs = [&](const std::vector<Tensor>& x) {
    return linear_log_probs(x[0], x[1], bias_of(x), rows, targets, options)
        .log_probs.dot(weights);
  };
  const auto nll = [&](const std::vector<Tensor>& x) {
    return linear_nll(x[0], x[1], bias_of(x), rows, targets, weights, options).loss * 1.7;
  };
  EXPECT_LT(gradient_error(log_probs, wide()), 1e-6);
  EXPECT_LT(gradient_error(nll, wide()), 1e-6);
}

TEST_P(LinearLogProbs, LossIsTheWeightedSum) {
  LogProbOptions options = GetParam().options;
  const WeightedNll got =
      linear_nll(inputs[0], inputs[1], bias_of(inputs), rows, targets, outer, options);
  const Tensor all = dense(wide(), rows, options).gather(1, targets.unsqueeze(1)).squeeze(1);
  const Tensor weights = outer.to(at::kDouble);  // of both signs: the sum may all but cancel
  const double off = (got.loss.to(at::kDouble) + all.dot(weights)).abs().item<double>();
  EXPECT_LT(off / all.abs().dot(weights.abs()).item<double>(), 1e-6);
  EXPECT_LT(relative_difference(got.log_probs, all), 1e-5);
  EXPECT_FALSE(got.entropy.has_value());
}

INSTANTIATE_TEST_SUITE_P(Cases, LinearLogProbs, ::testing::ValuesIn(cases()),
                         [](const auto& c) { return std::string(c.param.name); });

TEST(LinearNll, FrozenWeightStillTrainsHidden) {
  Tensor hidden = on_test_device(at::randn({4, 8})).set_requires_grad(true);
  const Tensor weight = on_test_device(at::randn({20, 8}));
  const Tensor rows = at::tensor({0, 3}, at::kLong), targets = at::tensor({5, 19}, at::kLong);
  torch::autograd::backward({linear_nll(hidden, weight, {}, rows, targets, at::rand({2})).loss});
  EXPECT_GT(hidden.grad().abs().max().item<float>(), 0);
  EXPECT_EQ(hidden.grad()[1].abs().max().item<float>(), 0) << "a row nobody asked for";
  EXPECT_FALSE(weight.grad().defined());
}

TEST(LinearNll, Bf16HiddenAndWeightKeepFp32Logits) {
  const Tensor hidden = at::randn({6, 32}).to(at::kBFloat16);
  const Tensor weight = at::randn({40, 32}).to(at::kBFloat16);
  const Tensor rows = at::tensor({1, 2, 5}, at::kLong), targets = at::tensor({1, 2, 3}, at::kLong);
  const Tensor all = dense({hidden.to(at::kDouble), weight.to(at::kDouble)}, rows, {});
  const LogProbs got = linear_log_probs(on_test_device(hidden), on_test_device(weight), {},
                                       rows, targets);
  EXPECT_EQ(got.log_probs.scalar_type(), at::kFloat);
  EXPECT_LT(relative_difference(got.log_probs, all.gather(1, targets.unsqueeze(1)).squeeze(1)),
            1e-5);
}

TEST(LinearLogProbs, ExtremeLogitsStayFinite) {
  const Tensor hidden = at::tensor({300.0f, -300.0f}).view({2, 1});
  const Tensor weight = at::tensor({1.0f, -1.0f, 0.0f}).view({3, 1});
  const Tensor rows = at::tensor({0, 1}, at::kLong), targets = at::tensor({0, 0}, at::kLong);
  const LogProbs got = linear_log_probs(on_test_device(hidden), on_test_device(weight), {},
                                       rows, targets, {.entropy = true});
  EXPECT_EQ(got.log_probs[0].item<float>(), 0.0f);
  EXPECT_EQ(got.log_probs[1].item<float>(), -600.0f);
  EXPECT_LT(got.entropy->abs().max().item<float>(), 1e-6f);
}

}  // namespace
}  // namespace attune::engine::ops
