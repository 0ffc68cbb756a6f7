// How often one model's answers are preferred to another's, with intervals, with the length of the
// answers taken out, and tests of whether the side on which an answer was shown decided. Pure
// functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "feedback/bootstrap.h"

namespace attune::feedback {

// One judged pair of answers. `score` is 1 when the model under test won, 0 when it lost, 0.5 for a
// tie (also both orders judged against each other), or the judge's probability in [0, 1].
struct JudgedPair {
  int64_t prompt = 0;  // the unit of resampling
  double score = 0;
  double length = 0;        // of the answer of the model under test, in any unit
  double other_length = 0;  // of the other answer, in the same unit
};

struct WinRate {
  int64_t wins = 0;              // score above 0.5
  int64_t ties = 0;              // exactly 0.5
  int64_t losses = 0;            // below
  std::optional<Interval> rate;  // mean score; bootstrap over prompts; nothing without pairs
};
WinRate win_rate(std::span<const JudgedPair> pairs, const BootstrapOptions& options = {});

// The win rate at equal length (AlpacaEval 2, arXiv 2404.04475, without its term for the difficulty
// of each instruction): a logistic regression of the score on the difference of lengths,
//   logit P = theta + phi tanh(d / s),  d = length - other_length,  s = its standard deviation,
// whose prediction at d = 0 is sigmoid(theta). Both coefficients carry a weak normal prior
// (precision 0.001), so that there is an answer when one side wins everything.
struct LengthControlled {
  std::optional<Interval> rate;  // sigmoid(theta); bootstrap over prompts, s kept
  double theta = 0;
  double phi = 0;  // above 0: longer answers win
};
LengthControlled length_controlled_win_rate(std::span<const JudgedPair> pairs,
                                            const BootstrapOptions& options = {});

// The probability of a split of n fair coins at least as uneven as k of n: two-sided, exact. For
// "was the first answer chosen too often": k firsts of n choices without ties. 1 for n = 0.
double fair_coin_p_value(int64_t k, int64_t n);

}  // namespace attune::feedback
