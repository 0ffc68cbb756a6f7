// Krippendorff's alpha: agreement beyond chance for any number of raters, missing answers, and any
// kind of answer that has a distance (Krippendorff 1970, 2011). With o_ck the coincidences of the
// values c and k within items, each item's pairs weighted by 1/(answers - 1), and n_c their sums:
//
//   D_o = (1/n) sum o_ck d_ck    D_e = 1/(n (n - 1)) sum n_c n_k d_ck    alpha = 1 - D_o / D_e
//
// Items with fewer than two answers do not count. When only one value was ever given, D_e is 0 and
// alpha is not defined: the value is absent ("no variation"), neither 1 nor 0.
//
// Nominal, ordinal and interval take time linear in the answers but for sorting; ratio and sets
// take the square of the number of different values. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <iterator>
#include <optional>
#include <vector>

#include "feedback/bootstrap.h"

namespace attune::feedback {

// d_ck of numbers
enum class Metric {
  kNominal,   // 1 unless equal: labels, as any numbers
  kOrdinal,   // (sum of n_g from c to k - (n_c + n_k)/2)^2: ratings whose steps are not comparable
  kInterval,  // (c - k)^2
  kRatio,     // ((c - k)/(c + k))^2, 0 where both are 0; for values from 0 up
};

struct Alpha {
  std::optional<double> value =
      std::nullopt;     // nothing without variation, or without an item with two answers
  double observed = 0;  // D_o
  double expected = 0;  // D_e
  int64_t items = 0;    // with two answers or more
  int64_t answers = 0;  // of these items
};

// The answers to each item, in any order; NaN is a missing one.
using NumberAnswers = std::vector<std::vector<double>>;
Alpha krippendorff_alpha(const NumberAnswers& items, Metric metric);

// The same with an interval: bootstrap over items, with two answers or more.
std::optional<Interval> krippendorff_interval(const NumberAnswers& items, Metric metric,
                                              const BootstrapOptions& options = {});

// Sets of labels (multi-label questions; the empty set is an answer), each sorted and without
// doubles. d = 1 - J M (MASI, Passonneau 2006): J is the share of common labels, M is 1 for equal
// sets, 2/3 when one holds the other, 1/3 when they overlap, 0 when they do not.
using LabelSet = std::vector<int>;
using SetAnswers = std::vector<std::vector<LabelSet>>;
double masi_distance(const LabelSet& a, const LabelSet& b);
Alpha krippendorff_alpha(const SetAnswers& items);
std::optional<Interval> krippendorff_interval(const SetAnswers& items,
                                              const BootstrapOptions& options = {});

}  // namespace attune::feedback
