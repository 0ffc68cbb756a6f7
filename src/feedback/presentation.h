// Whether what should not matter did: the place in which an answer was shown, and its length.
//
// Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "feedback/bootstrap.h"

namespace attune::feedback {

// A ranking as one person saw and gave it. `shown_order` holds the candidates in the order on the
// screen (a permutation of 0..K-1); `ranks` [K] the rank of each candidate, 1 the best, ties equal.
struct ShownRanking {
  int64_t prompt = 0;  // the unit of resampling
  std::vector<int64_t> shown_order;
  std::vector<int> ranks;
};

struct PositionBias {
  // Of two candidates, without ties: how often the one shown first was preferred; 0.5 is no bias.
  int64_t choices = 0, first_chosen = 0;
  // Of a split as uneven by chance, two-sided: what one ranking says of its pairs hangs together,
  // so rankings are what chance turns round (sign_flip.h). Where every ranking has one pair, it is
  // that of a fair coin. Presumes that each person's order was drawn by itself.
  double p_value = 1;
  std::optional<Interval> first_share;
  // Of K candidates: the mean rank of what stood in each place; (K + 1)/2 everywhere is no bias.
  // Rankings of another number of candidates than the first one's are left out here.
  std::vector<double> mean_rank_by_place;
};
// Every pair of a ranking counts as a choice between what was shown earlier and later. Errors: an
// order that is no permutation, ranks of another number.
Result<PositionBias> position_bias(std::span<const ShownRanking> rankings,
                                   const BootstrapOptions& options = {});

// A preference, with the lengths of both answers in one unit (characters or tokens).
struct LengthPair {
  int64_t prompt = 0;
  double chosen_length = 0, rejected_length = 0;
};

struct LengthBias {
  int64_t longer = 0, shorter = 0, equal = 0;  // the chosen answer was
  // Of longer against shorter, by chance: all that is said of one prompt's answers, in one ranking
  // or by several people, is about the same lengths, so prompts are turned round (sign_flip.h).
  double p_value = 1;
  std::optional<Interval> longer_share;        // of pairs whose lengths differ
  double mean_difference = 0;                  // chosen less rejected
};
LengthBias length_bias(std::span<const LengthPair> pairs, const BootstrapOptions& options = {});

}  // namespace attune::feedback
