// Dawid and Skene (1979): every item has a true class, every rater a confusion matrix of what they
// say for each true class; both are found together by expectation maximisation. For three raters or
// more who err in their own ways.
//
// The first steps are plain; where no probability moves by more than 0.001, and by less each time,
// every other one is long (squared_steps.h), which has the same fixed points and never lowers the
// likelihood: the result is the plain iteration's, to the tolerance, in fewer steps. Memory grows
// with the patterns of votes that differ (vote_patterns.h) and with raters * classes^2.
//
// Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "feedback/votes.h"

namespace attune::feedback {

struct DawidSkeneOptions {
  double smoothing = 0.01;  // added to every count of a confusion matrix; 0 or more
  int64_t iterations_max = 1000;
  double tolerance = 1e-9;  // ends when no probability of an item changed by more
};

struct DawidSkene {
  std::vector<std::vector<double>> posteriors;              // [items][classes], soft labels
  std::vector<double> class_shares;                         // [classes], pi
  std::vector<std::vector<std::vector<double>>> confusion;  // [raters][true][said]
  double log_likelihood = 0;
  int64_t iterations = 0;  // times that all items were gone over
  bool converged = false;
};

// Starts from the shares of votes. Items without votes get the class shares. A rater without votes
// has an even confusion matrix. Errors: check_votes; no votes; a smoothing below 0.
Result<DawidSkene> dawid_skene(std::span<const Vote> votes, const VoteSpace& space,
                               const DawidSkeneOptions& options = {});

}  // namespace attune::feedback
