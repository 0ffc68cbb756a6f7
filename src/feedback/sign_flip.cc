#include "feedback/sign_flip.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "feedback/win_rate.h"

namespace attune::feedback {
namespace {

// Additions that an exact distribution may cost: some tens of milliseconds.
constexpr double kExactSteps = 2e7;

// The probability of each sum of +-sizes, that of -range first.
std::vector<double> sums_of_signs(std::span<const int64_t> sizes, int64_t range) {
  std::vector<double> now(static_cast<size_t>(2 * range + 1), 0.0), next(now.size());
  const auto zero = static_cast<size_t>(range);
  now[zero] = 1;
  size_t reached = 0;
  for (const int64_t size : sizes) {
    const auto step = static_cast<size_t>(size);
    std::fill(next.begin(), next.end(), 0.0);
    for (size_t i = zero - reached; i <= zero + reached; ++i) {
      next[i - step] += now[i] / 2;
      next[i + step] += now[i] / 2;
    }
    reached += step;
    now.swap(next);
  }
  return now;
}

}  // namespace

double sign_flip_p_value(std::span<const int64_t> differences) {
  std::vector<int64_t> sizes;
  int64_t total = 0, range = 0, common = 0;
  double squares = 0;
  for (const int64_t one : differences) {
    if (one == 0) continue;
    sizes.push_back(std::abs(one));
    total += one;
    range += sizes.back();
    common = std::gcd(common, sizes.back());
    squares += static_cast<double>(one) * static_cast<double>(one);
  }
  if (sizes.empty()) return 1;
  const auto [least, most] = std::minmax_element(sizes.begin(), sizes.end());
  if (*least == *most) {  // coins of one size
    const int64_t coins = std::ssize(sizes);
    return fair_coin_p_value((total / *most + coins) / 2, coins);
  }
  if (static_cast<double>(sizes.size()) * 2 * static_cast<double>(range) > kExactSteps) {
    // Sums are 2 * common apart: from the middle between this one and the next nearer to 0.
    const auto far = static_cast<double>(std::max<int64_t>(0, std::abs(total) - common));
    return std::erfc(far / std::sqrt(2 * squares));
  }
  const std::vector<double> sums = sums_of_signs(sizes, range);
  double p = 0;
  for (int64_t sum = std::abs(total); sum <= range; ++sum) {
    p += sums[static_cast<size_t>(range + sum)] * (sum == 0 ? 1 : 2);
  }
  return std::min(1.0, p);
}

}  // namespace attune::feedback
