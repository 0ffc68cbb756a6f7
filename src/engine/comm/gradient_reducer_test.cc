#include "engine/comm/gradient_reducer.h"

#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <barrier>
#include <functional>
#include <stdexcept>
#include <thread>

namespace attune::engine::comm {
namespace {

// Two ranks as two threads of this process.
struct Pair {
  std::barrier<> meet{2};
  std::vector<Tensor> tensors = std::vector<Tensor>(2);
  std::vector<int64_t> sizes;  // of rank 0's reductions, in order
  bool fails = false;
};

class Rank : public Communicator {
 public:
  Rank(Pair& pair, int rank) : pair_(pair), rank_(rank) {}
  int rank() const override { return rank_; }
  int size() const override { return 2; }
  void all_reduce(Tensor& tensor) override {
    if (pair_.fails) throw std::runtime_error("the line is cut");
    pair_.tensors[static_cast<size_t>(rank_)] = tensor;
    pair_.meet.arrive_and_wait();
    const Tensor sum = pair_.tensors[0].add(pair_.tensors[1]);
    if (rank_ == 0) pair_.sizes.push_back(tensor.numel());
    pair_.meet.arrive_and_wait();
    tensor.copy_(sum);
  }
  void broadcast(Tensor&, int) override { FAIL() << "not used here"; }
  std::vector<std::string> all_gather(const std::string&) override { return {}; }

 private:
  Pair& pair_;
  int rank_;
};

std::vector<Tensor> weights() {
  std::vector<Tensor> all;
  for (int64_t size : {3, 5, 2}) {
    Tensor weight = at::full({size}, 1.0, at::kFloat);
    weight.set_requires_grad(true);
    all.push_back(weight);
  }
  return all;
}

// d/dw of sum over `used` of factor * w^2 / 2 at w = 1 is `factor`.
Tensor loss_of(const std::vector<Tensor>& all, const std::vector<size_t>& used, double factor) {
  Tensor loss = at::full({}, 0.0, at::kFloat);
  for (size_t i : used) loss = loss.add(all[i].mul(all[i]).sum().mul(factor / 2));
  return loss;
}

void on_two_ranks(Pair& pair, const std::function<void(Rank&)>& body) {
  Rank first(pair, 0);
  Rank second(pair, 1);
  std::thread other([&] { body(second); });
  body(first);
  other.join();
}

TEST(GradientReducer, SumsOverRanksAndAccumulatedPasses) {
  Pair pair;
  on_two_ranks(pair, [](Rank& rank) {
    const auto all = weights();
    GradientReducer reducer(rank, all, /*bucket_bytes=*/20);  // {2}, {5}, {3} elements
    for (int step = 0; step < 3; ++step) {
      for (const Tensor& weight : all) weight.mutable_grad() = Tensor();
      loss_of(all, {0, 1, 2}, 1).backward();  // not the last pass: nothing is exchanged
      reducer.begin();
      loss_of(all, {0, 1, 2}, rank.rank() == 0 ? 10 : 100).backward();
      reducer.finish();
      for (const Tensor& weight : all) {
        EXPECT_TRUE(weight.grad().eq(112).all().item<bool>()) << weight.grad();
      }
    }
  });
  EXPECT_EQ(pair.sizes, (std::vector<int64_t>{2, 5, 3, 2, 5, 3, 2, 5, 3}));
}

// A rank without rows, and parameters that no pass reached.
TEST(GradientReducer, RanksThatComputeNothingAddNothing) {
  Pair pair;
  on_two_ranks(pair, [](Rank& rank) {
    const auto all = weights();
    GradientReducer reducer(rank, all);
    if (rank.rank() == 0) {
      reducer.begin();
      loss_of(all, {1}, 7).backward();
    }
    reducer.finish();
    EXPECT_TRUE(all[0].grad().eq(0).all().item<bool>());
    EXPECT_TRUE(all[1].grad().eq(7).all().item<bool>());
  });
}

TEST(GradientReducer, AFailureOfTheTransportComesOutOfFinish) {
  Pair pair;
  pair.fails = true;
  Rank rank(pair, 0);
  const auto all = weights();
  GradientReducer reducer(rank, all, 20);
  reducer.begin();
  loss_of(all, {0, 1, 2}, 1).backward();
  EXPECT_THROW(reducer.finish(), std::runtime_error);
}

TEST(GradientReducer, OneRankLeavesGradientsAlone) {
  const auto alone = single_process();
  const auto all = weights();
  GradientReducer reducer(*alone, all);
  reducer.begin();
  loss_of(all, {2}, 3).backward();
  reducer.finish();
  EXPECT_FALSE(all[0].grad().defined());
  EXPECT_TRUE(all[2].grad().eq(3).all().item<bool>());
}

}  // namespace
}  // namespace attune::engine::comm
