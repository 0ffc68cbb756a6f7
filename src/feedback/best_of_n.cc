#include "feedback/best_of_n.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"

namespace attune::feedback {
namespace {

// The golds in ascending order of proxy; equal proxies get their mean.
std::vector<double> golds_by_proxy(std::span<const double> proxy, std::span<const double> gold) {
  std::vector<size_t> order(proxy.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return proxy[a] < proxy[b]; });
  std::vector<double> sorted;
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin;
    double sum = 0;
    for (; end < order.size() && proxy[order[end]] == proxy[order[begin]]; ++end) {
      sum += gold[order[end]];
    }
    sorted.insert(sorted.end(), end - begin, sum / static_cast<double>(end - begin));
    begin = end;
  }
  return sorted;
}

}  // namespace

std::vector<double> best_of_n_rewards(std::span<const double> proxy, std::span<const double> gold) {
  CHECK(!proxy.empty() && proxy.size() == gold.size(), "one gold reward for each proxy reward");
  const std::vector<double> golds = golds_by_proxy(proxy, gold);
  const size_t total = golds.size();
  std::vector<double> rewards;
  for (size_t n = 1; n <= total; ++n) {
    // The weight of place i (from 1) is C(i-1, n-1) / C(N, n); at i = N it is n / N, and one place
    // lower it is (i-n) / (i-1) of that.
    double weight = static_cast<double>(n) / static_cast<double>(total);
    double reward = 0;
    for (size_t i = total; i >= n; --i) {
      reward += weight * golds[i - 1];
      if (i > 1) weight *= static_cast<double>(i - n) / static_cast<double>(i - 1);
    }
    rewards.push_back(reward);
  }
  return rewards;
}

double best_of_n_kl(int64_t n) {
  CHECK(n >= 1, "best of at least one");
  const auto count = static_cast<double>(n);
  return std::log(count) - (count - 1) / count;
}

}  // namespace attune::feedback
