// Intervals by the bootstrap: units are drawn with replacement as often as there are units, the
// statistic is computed again, and the percentiles of what comes out are the interval (Efron and
// Tibshirani 1993, chapter 13). The same seed gives the same interval on every machine.
//
// The unit is what was sampled independently: the prompt, when several comparisons share one. Then
// their sums go in as one unit (bootstrap_ratio), or the interval is too narrow.
//
// Pure functions; thread-safe. An interval of one unit has no width: look at `units`.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

namespace attune::feedback {

struct BootstrapOptions {
  int64_t resamples = 1000;  // at least 1
  double confidence = 0.95;  // in (0, 1)
  uint64_t seed = 0;
};

struct Interval {
  double estimate = 0;  // of the data as they are
  double low = 0;
  double high = 0;
  double standard_error = 0;  // standard deviation over the resamples
  int64_t units = 0;
  int64_t resamples = 0;  // in which the statistic was defined; the others are left out
};

// A statistic of the units, unit u counted times[u] times; nothing when it is not defined, for
// example an agreement in which only one value was ever given.
using Statistic = std::function<std::optional<double>(std::span<const int32_t> times)>;

// Nothing when there are no units or the statistic is not defined on the data themselves.
std::optional<Interval> bootstrap(int64_t units, const Statistic& statistic,
                                  const BootstrapOptions& options = {});

// The mean of one value per unit.
std::optional<Interval> bootstrap_mean(std::span<const double> values,
                                       const BootstrapOptions& options = {});

// The mean of a[u] - b[u]: two models on the same prompts. Pairing removes what the prompts have in
// common, so this is not the difference of two intervals. CHECKs that the sizes are equal.
std::optional<Interval> bootstrap_paired_difference(std::span<const double> a,
                                                    std::span<const double> b,
                                                    const BootstrapOptions& options = {});

// Sum of numerators over sum of denominators, each unit with both: a rate over clusters.
std::optional<Interval> bootstrap_ratio(std::span<const double> numerators,
                                        std::span<const double> denominators,
                                        const BootstrapOptions& options = {});

// The q-quantile (q in [0, 1]) of sorted values, linear between neighbours, as numpy's default.
double quantile_of_sorted(std::span<const double> sorted, double q);

}  // namespace attune::feedback
