#include "feedback/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "base/random.h"

namespace attune::feedback {
namespace {

double standard_deviation(std::span<const double> values) {
  if (values.size() < 2) return 0;
  double mean = 0;
  for (double value : values) mean += value / static_cast<double>(values.size());
  double sum = 0;
  for (double value : values) sum += (value - mean) * (value - mean);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

}  // namespace

double quantile_of_sorted(std::span<const double> sorted, double q) {
  CHECK(!sorted.empty() && q >= 0 && q <= 1);
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

std::optional<Interval> bootstrap(int64_t units, const Statistic& statistic,
                                  const BootstrapOptions& options) {
  CHECK(options.resamples >= 1 && options.confidence > 0 && options.confidence < 1);
  if (units <= 0) return std::nullopt;
  std::vector<int32_t> times(static_cast<size_t>(units), 1);
  const std::optional<double> estimate = statistic(times);
  if (!estimate) return std::nullopt;
  Random random(options.seed);
  std::vector<double> found;
  found.reserve(static_cast<size_t>(options.resamples));
  for (int64_t resample = 0; resample < options.resamples; ++resample) {
    std::fill(times.begin(), times.end(), 0);
    for (int64_t draw = 0; draw < units; ++draw) ++times[random.below(times.size())];
    if (const std::optional<double> value = statistic(times)) found.push_back(*value);
  }
  Interval interval{.estimate = *estimate, .low = *estimate, .high = *estimate, .units = units};
  interval.resamples = static_cast<int64_t>(found.size());
  if (found.empty()) return interval;
  std::sort(found.begin(), found.end());
  interval.low = quantile_of_sorted(found, (1 - options.confidence) / 2);
  interval.high = quantile_of_sorted(found, (1 + options.confidence) / 2);
  interval.standard_error = standard_deviation(found);
  return interval;
}

std::optional<Interval> bootstrap_mean(std::span<const double> values,
                                       const BootstrapOptions& options) {
  const std::vector<double> ones(values.size(), 1.0);
  return bootstrap_ratio(values, ones, options);
}

std::optional<Interval> bootstrap_paired_difference(std::span<const double> a,
                                                    std::span<const double> b,
                                                    const BootstrapOptions& options) {
  CHECK(a.size() == b.size(), "{} values beside {}", a.size(), b.size());
  std::vector<double> differences(a.size());
  std::transform(a.begin(), a.end(), b.begin(), differences.begin(), std::minus<>());
  return bootstrap_mean(differences, options);
}

std::optional<Interval> bootstrap_ratio(std::span<const double> numerators,
                                        std::span<const double> denominators,
                                        const BootstrapOptions& options) {
  CHECK(numerators.size() == denominators.size());
  auto ratio = [&](std::span<const int32_t> times) -> std::optional<double> {
    double above = 0;
    double below = 0;
    for (size_t u = 0; u < times.size(); ++u) {
      above += times[u] * numerators[u];
      below += times[u] * denominators[u];
    }
    if (below == 0) return std::nullopt;
    return above / below;
  };
  return bootstrap(static_cast<int64_t>(numerators.size()), ratio, options);
}

}  // namespace attune::feedback
