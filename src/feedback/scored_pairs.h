// How well scores order what people ordered: the evaluation of a reward model, and of whatever else
// gives numbers to answers (a policy's implicit reward, a rubric, a judge).
//
// A pair is counted when people preferred one side (probability other than 0.5); the model is right
// when it scores that side strictly higher, as TRL counts. Pairs of one prompt are not independent:
// intervals are by the bootstrap over units. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "feedback/bootstrap.h"
#include "feedback/calibration.h"

namespace attune::feedback {

// Two answers that somebody compared, with their scores.
struct ScoredPair {
  double better = 0;           // score of the side that people put first
  double worse = 0;
  double probability = 1;      // that `better` is preferred: 1, 0.5 of a tie, or a soft label
  int64_t better_tokens = 0;   // lengths
  int64_t worse_tokens = 0;
  int64_t rank_gap = 1;        // how many ranks apart
  std::string annotator = "";  // "" when not known
  int64_t unit = 0;            // the row: pairs of a ranking share it
};

struct Accuracy {
  int64_t pairs = 0;
  int64_t right = 0;

  std::optional<double> value() const {
    if (pairs == 0) return std::nullopt;
    return static_cast<double>(right) / static_cast<double>(pairs);
  }
};

// Accuracy where |better - worse| lies in [low, high); the last has no end.
struct MarginBucket {
  double low = 0;
  std::optional<double> high;
  Accuracy accuracy;
};

struct ScoredPairReport {
  Accuracy all;
  std::optional<Interval> interval;  // of `all`, 95 %, by the bootstrap over units
  double margin = 0;                 // mean of better - worse
  std::vector<MarginBucket> by_margin;         // 0, 0.5, 1, 2
  std::map<int64_t, Accuracy> by_rank_gap;     // how far apart people saw them
  std::map<std::string, Accuracy> by_annotator;
  Accuracy longer_preferred;   // people preferred the longer side
  Accuracy shorter_preferred;  // or the shorter one
  Accuracy by_length;          // of a model that always prefers the longer side; equals left out
  std::optional<Calibration> calibrated;   // at temperature 1
  std::optional<double> temperature;       // fitted on these pairs
  std::optional<double> fitted_ece;        // at that temperature: optimistic, the same pairs
};

ScoredPairReport report_scored_pairs(const std::vector<ScoredPair>& pairs);

// Pearson's correlation; nothing with fewer than two values or without variation. CHECKs the sizes.
std::optional<double> correlation(std::span<const double> a, std::span<const double> b);

// reward_evaluation.json and `attune evaluate`'s output.
OrderedJson to_json(const ScoredPairReport& report);

}  // namespace attune::feedback
