// Comparisons of two candidates by people: how often two people agree, what that says of the noise
// in one label, and which rows say the opposite of each other. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "feedback/bootstrap.h"
#include "feedback/rankings_to_pairs.h"

namespace attune::feedback {

enum class Choice { kFirst, kSecond, kTie };

// One answer to "which of these two is better". `prompt` is the unit of resampling; `pair` names
// the two candidates within it, always in the same order.
struct Comparison {
  int64_t prompt = 0;
  int64_t pair = 0;
  int64_t rater = 0;
  Choice choice = Choice::kTie;
};

// A ranking as comparisons of all its ranked items: pair i * K + j with i < j. Errors: the
// ranking's fault (rankings_to_pairs.h).
Result<std::vector<Comparison>> comparisons_of_ranking(int64_t prompt, int64_t rater,
                                                       const Ranks& ranks);

// Whose answers are set beside each other.
enum class RaterPairs {
  kDifferent,  // two people: the ceiling beside which a reward model's accuracy is read
  kSame,       // one person asked twice
};

struct PairAgreement {
  int64_t comparisons = 0;       // pairs of answers to the same question in which both chose a side
  int64_t agreements = 0;        // the same side
  std::optional<Interval> rate;  // bootstrap over prompts; nothing without comparisons
};
// Ties are left out: with them "agreement" depends on how many ties a form invites.
PairAgreement pair_agreement(std::span<const Comparison> answers, RaterPairs raters,
                             const BootstrapOptions& options = {});

// The probability that one label is flipped, if raters err independently and equally often: an
// agreement p = (1 - e)^2 + e^2 gives e = (1 - sqrt(2 p - 1)) / 2. This is the label_smoothing of a
// conservative DPO loss (cDPO). At p = 0.5 and below labels say nothing: 0.5.
double flip_rate(double agreement);
// The same for both ends; a high agreement is a low rate. `standard_error` by the delta method.
Interval flip_rate(const Interval& agreement);
// How often the majority of `raters` (odd) is wrong at that rate.
double majority_flip_rate(double flip_rate, int raters);

// A row that prefers one text to another for a prompt, by somebody ("" when nobody is named).
struct PreferenceRow {
  std::string_view prompt;
  std::string_view chosen;
  std::string_view rejected;
  std::string_view annotator;
};
// For each row the first other row by the same annotator with the same prompt and the same two
// texts the other way round, or -1. Different people who differ do not contradict themselves: that
// is disagreement, and both rows are true.
std::vector<int64_t> contradicting_rows(std::span<const PreferenceRow> rows);

}  // namespace attune::feedback
