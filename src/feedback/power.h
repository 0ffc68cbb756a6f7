// How many comparisons an evaluation needs before its win rate says something.
//
//   n = (z_a 0.5 + z_b sqrt(p (1 - p)))^2 / (p - 0.5)^2
//
// is what it takes to tell a true win rate p from 0.5 (the usual sample size of a one-sample test
// of a proportion), without ties; z_a belongs to a two-sided level, z_b to the power. Several
// comparisons of one prompt count for less than so many prompts.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace attune::feedback {

struct PowerOptions {
  double level = 0.05;  // of a two-sided test, in (0, 1)
  double power = 0.8;   // how often the difference shall be found, in (0, 1)
  double tie_rate = 0;  // expected share of ties, in [0, 1): they count for nothing
};

// Errors: a win rate of 0.5 or outside of (0, 1), which no number of comparisons can tell; options
// out of range.
Result<int64_t> comparisons_needed(double win_rate, const PowerOptions& options = {});

// The z of a standard normal below which a share of `probability` in (0, 1) lies (Acklam's rational
// approximation with one step of Halley's method: full double precision).
double normal_quantile(double probability);

}  // namespace attune::feedback
