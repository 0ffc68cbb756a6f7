// Signs that somebody answers without looking: much faster than others, always the same answer,
// wrong on records whose answer is known, at odds with what the others say. They are reasons to
// talk to a person, not to drop their work: nothing here excludes anybody.
//
// Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "feedback/votes.h"

namespace attune::feedback {

struct RaterAnswer {
  int64_t item = 0;
  int64_t rater = 0;
  int label = 0;                  // the answer as a category
  double seconds = 0;             // spent on it; 0 where nobody measured
  int expected = kNoAnswer;       // of a gold record: the right category
};

struct RaterOptions {
  double fast_share = 0.25;      // "fast": below this share of the item's median time ...
  double fast_rate_max = 0.5;    // ... in more than this share of a rater's timed answers
  int64_t answers_min = 10;      // fewer say nothing: no sign is raised
  double constant_share = 0.95;  // of one label, where the others' commonest has less
  double gold_rate_min = 0.6;    // of gold records answered right
};

struct RaterSigns {
  int64_t rater = 0;
  int64_t answers = 0;
  std::optional<double> median_seconds;
  std::optional<double> fast_rate;       // of timed answers whose item somebody else timed too
  double commonest_share = 0;            // of the label this rater gives most
  std::optional<double> others_commonest_share;  // of that label among the others' answers
  std::optional<double> gold_rate;
  std::optional<double> agreement;       // with the majority of the others, over shared items
  bool too_fast = false, constant = false, fails_gold = false;
};

// One for each rater, in order; raters without answers have no numbers. Errors: check_votes.
Result<std::vector<RaterSigns>> rater_signs(std::span<const RaterAnswer> answers,
                                            const VoteSpace& space,
                                            const RaterOptions& options = {});

}  // namespace attune::feedback
