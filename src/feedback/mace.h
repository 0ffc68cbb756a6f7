// MACE (Hovy, Berg-Kirkpatrick, Vaswani and Hovy 2013, "Learning Whom to Trust with MACE"): a rater
// either knows the truth and says it, or spams with probability theta and draws from habits of
// their own, xi. What comes out beside the labels is each rater's competence, 1 - theta: it finds
// people who answer without looking, even those who always say the commonest label.
//
// Pure functions; thread-safe. The same seed gives the same result on every machine.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "feedback/votes.h"

namespace attune::feedback {

struct MaceOptions {
  int64_t restarts = 10;  // the first from theta 0.5 and even habits, the others from the seed
  int64_t iterations_max = 500;
  double tolerance = 1e-9;  // of the log-likelihood, relative; ends a start
  double smoothing = 0;     // added to every count of the update of theta and xi
  uint64_t seed = 0;
};

struct Mace {
  std::vector<std::vector<double>> posteriors;  // [items][classes]
  std::vector<double> spamming;                 // [raters], theta; 0.5 for one without votes
  std::vector<std::vector<double>> habits;      // [raters][classes], xi: what a spammer says
  double log_likelihood = 0;                    // of the best start, the truth drawn evenly
  int64_t iterations = 0;                       // of that start
  bool converged = false;
};

// Errors: check_votes; no votes; fewer than one start.
Result<Mace> mace(std::span<const Vote> votes, const VoteSpace& space,
                  const MaceOptions& options = {});

}  // namespace attune::feedback
