#include "feedback/best_of_n.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace attune::feedback {
namespace {

// The definition: the mean over all subsets of n answers.
double over_all_subsets(const std::vector<double>& proxy, const std::vector<double>& gold, int n) {
  double sum = 0;
  int subsets = 0;
  const int total = static_cast<int>(proxy.size());
  for (int mask = 1; mask < (1 << total); ++mask) {
    if (__builtin_popcount(static_cast<unsigned>(mask)) != n) continue;
    double best = -INFINITY;
    double golds = 0;
    int ties = 0;
    for (int i = 0; i < total; ++i) {
      if ((mask >> i & 1) == 0) continue;
      const auto at = static_cast<size_t>(i);
      if (proxy[at] > best) {
        best = proxy[at];
        golds = 0;
        ties = 0;
      }
      if (proxy[at] == best) {
        golds += gold[at];
        ++ties;
      }
    }
    sum += golds / ties;
    ++subsets;
  }
  return sum / subsets;
}

TEST(BestOfN, IsTheMeanOverAllSubsets) {
  const std::vector<double> proxy = {0.3, -1.2, 2.5, 0.9, 0.1, 1.7};
  const std::vector<double> gold = {1.0, 0.5, -2.0, 0.7, 0.2, 3.0};
  const std::vector<double> rewards = best_of_n_rewards(proxy, gold);
  ASSERT_EQ(rewards.size(), 6U);
  for (int n = 1; n <= 6; ++n) {
    EXPECT_NEAR(rewards[static_cast<size_t>(n - 1)], over_all_subsets(proxy, gold, n), 1e-12) << n;
  }
}

TEST(BestOfN, EqualProxiesShareTheirPlaces) {
  const std::vector<double> proxy = {1, 1, 0, 1};
  const std::vector<double> gold = {3, 0, 9, 6};
  const std::vector<double> rewards = best_of_n_rewards(proxy, gold);
  for (int n = 1; n <= 4; ++n) {
    EXPECT_NEAR(rewards[static_cast<size_t>(n - 1)], over_all_subsets(proxy, gold, n), 1e-12) << n;
  }
}

TEST(BestOfN, OneIsTheMeanAndAllIsTheBest) {
  const std::vector<double> proxy = {4, 1, 3};
  const std::vector<double> rewards = best_of_n_rewards(proxy, proxy);
  EXPECT_NEAR(rewards[0], 8.0 / 3, 1e-12);
  EXPECT_NEAR(rewards[2], 4, 1e-12);
  EXPECT_TRUE(std::is_sorted(rewards.begin(), rewards.end()));
}

TEST(BestOfN, Kl) {
  EXPECT_DOUBLE_EQ(best_of_n_kl(1), 0);
  EXPECT_NEAR(best_of_n_kl(4), std::log(4.0) - 0.75, 1e-15);
  EXPECT_NEAR(best_of_n_kl(128), 3.859843, 1e-6);  // 4.852030 - 0.992188
}

}  // namespace
}  // namespace attune::feedback
