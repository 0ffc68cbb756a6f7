// Crowd-BT (Chen, Bennett, Collins-Thompson and Horvitz, WSDM 2013): Bradley-Terry when raters
// differ in reliability. Rater a answers by the items' strengths with probability eta_a and the
// other way round with 1 - eta_a:
//
//   P_a(i > j) = eta_a s(b_i - b_j) + (1 - eta_a) s(b_j - b_i),   s the logistic function
//
// eta near 1 is a careful rater, 0.5 a coin, near 0 one who read the question upside down. Fitted
// by expectation maximisation with a normal prior on b and a beta prior on eta; the priors also
// settle that raters are right more often than not (all signs turned round would fit as well).
//
// Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace attune::feedback {

struct RatedPair {
  int64_t winner = 0, loser = 0;  // items, from 0
  int64_t rater = 0;
};

struct CrowdBtOptions {
  double prior_precision = 0.1;        // of b; above 0
  double right = 4, wrong = 1;         // the beta prior of eta: as if so many answers were known
  int64_t iterations_max = 2000;
  double tolerance = 1e-10;            // of the penalised log-likelihood, relative
};

struct CrowdBt {
  std::vector<double> b;            // [items], mean 0
  std::vector<double> reliability;  // [raters], eta
  double log_likelihood = 0;        // without the priors
  int64_t iterations = 0;
  bool converged = false;
};

// Errors: an item or rater out of range, an item against itself, no pairs, a prior of 0.
Result<CrowdBt> crowd_bt(int64_t items, int64_t raters, std::span<const RatedPair> pairs,
                         const CrowdBtOptions& options = {});

}  // namespace attune::feedback
