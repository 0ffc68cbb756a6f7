#include "engine/objectives/nll.h"

#include <ATen/ops/_log_softmax.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <cmath>

namespace attune::engine::objectives {
namespace {

// losses.md §18.1: three rows of four logits, targets 0, 1, 3.
Tensor literal_logits() {
  return at::tensor(std::vector<double>{2, 1, 0.1, -1, 0.5, 2.5, 0, 0, 0, 0, 3, 1}).view({3, 4});
}
Tensor log_probs_of(const Tensor& logits) {
  const Tensor targets = at::tensor(std::vector<int64_t>{0, 1, 3}).view({3, 1});
  return at::_log_softmax(logits, 1, false).gather(1, targets).squeeze(1);
}

TEST(NllTest, LiteralValues) {
  const Tensor log_probs = log_probs_of(literal_logits());
  EXPECT_NEAR(nll(log_probs, {}, 3).item<double>(), 0.974098, 1e-6);
  const Tensor first_two = at::tensor(std::vector<double>{1, 1, 0});
  EXPECT_NEAR(nll(log_probs, first_two, 2).item<double>(), 0.355648, 1e-6);
  EXPECT_NEAR(dft(log_probs, {}, 3).item<double>(), 0.243533, 1e-6);
  const std::vector<double> terms = {0.286692, 0.201603, 0.242306};
  for (int64_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(dft(log_probs.slice(0, i, i + 1), {}, 1).item<double>(),
                terms[static_cast<size_t>(i)], 1e-6);
  }
}

TEST(NllTest, UniformModelCostsLogOfTheVocabulary) {
  const Tensor log_probs = at::tensor(std::vector<double>{-std::log(49152.0)});
  EXPECT_NEAR(nll(log_probs, {}, 1).item<double>(), 10.802673, 1e-6);
}

// d nll / d log p is -mask / n; d dft / d log p is -p * mask / n, since p carries no gradient.
TEST(NllTest, GradientsAreClosedForms) {
  Tensor log_probs = log_probs_of(literal_logits()).detach().set_requires_grad(true);
  const Tensor mask = at::tensor(std::vector<double>{1, 0, 1});
  nll(log_probs, mask, 5).backward();
  Tensor gradient = log_probs.grad().clone();
  for (int64_t i = 0; i < 3; ++i) {
    EXPECT_DOUBLE_EQ(gradient[i].item<double>(), i == 1 ? 0 : -0.2);
  }
  log_probs.mutable_grad() = Tensor();
  dft(log_probs, mask, 5).backward();
  for (int64_t i = 0; i < 3; ++i) {
    const double p = std::exp(log_probs[i].item<double>());
    EXPECT_NEAR(log_probs.grad()[i].item<double>(), i == 1 ? 0 : -0.2 * p, 1e-12);
  }
}

TEST(NllTest, MicroBatchesAddUpToTheStep) {
  const Tensor log_probs = log_probs_of(literal_logits());
  const double whole = nll(log_probs, {}, 3).item<double>();
  const double parts = nll(log_probs.slice(0, 0, 1), {}, 3).item<double>() +
                       nll(log_probs.slice(0, 1, 3), {}, 3).item<double>();
  EXPECT_NEAR(whole, parts, 1e-12);
}

}  // namespace
}  // namespace attune::engine::objectives
