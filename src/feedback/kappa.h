// Agreement beyond chance between raters who gave every item one of K categories.
//
// Cohen's kappa compares two named raters: (p_o - p_e)/(1 - p_e), with p_e from each rater's own
// shares (Cohen 1960); the weighted form counts near misses of ordered categories for less (Cohen
// 1968). Fleiss' kappa takes any raters, the same number for every item (Fleiss 1971). For other
// numbers, missing answers and other kinds of answers see krippendorff.h.
//
// Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"

namespace attune::feedback {

inline constexpr int kNoAnswer = -1;

enum class KappaWeights {
  kNone,       // any two different categories disagree
  kLinear,     // by |i - j|
  kQuadratic,  // by (i - j)^2
};

struct Kappa {
  std::optional<double> value =
      std::nullopt;     // nothing when chance alone agrees on all: no variation
  double observed = 0;  // plain and Fleiss: agreement in [0, 1]; weighted: disagreement
  double expected = 0;  // the same by chance
  int64_t items = 0;    // that count: both raters (Fleiss: all) answered
};

// `a` and `b` hold a category in [0, categories) for each item, or kNoAnswer: items without two
// answers are left out. With weights the categories stand in their order. Errors: sizes that
// differ, a category out of range.
Result<Kappa> cohen_kappa(std::span<const int> a, std::span<const int> b, int categories,
                          KappaWeights weights = KappaWeights::kNone);

// counts[item][category]: how many raters said so. Errors: an item with another number of
// categories or of answers than the first, fewer than two answers.
Result<Kappa> fleiss_kappa(const std::vector<std::vector<int64_t>>& counts);

}  // namespace attune::feedback
