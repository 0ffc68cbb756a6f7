// Rankings, and the pairs that a named rule makes of them. A ranking keeps what people said (ties,
// items that nobody ranked); pairs are made when training starts, by a rule that is recorded with
// the run, so that the same rankings can be read another way tomorrow.
//
// Ranks of K items: 1 is the best, equal ranks are a tie, null means not ranked, which is not the
// same as worst: such an item is in no pair. After t tied items the next rank may be one higher
// (1, 2, 2, 3) or t higher (1, 2, 2, 4), the same way throughout a ranking; any other gap is a
// hole, and somebody's mistake.
//
// Pure functions; thread-safe. Rules and their use: docs/algorithms/rankings-to-pairs.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace attune::feedback {

using Ranks = std::vector<std::optional<int>>;  // [K]

// Why a ranking cannot be used. The name of a kind is a reason under which rows are counted.
enum class RankingFaultKind {
  kOneItem,     // fewer than two items are ranked
  kOutOfRange,  // a rank below 1 or above the number of ranked items
  kHole,        // a rank that no item has, between ranks that items have
};
struct RankingFault {
  RankingFaultKind kind;
  std::string detail;  // what is wrong with these ranks and what to do
};
// "one-item ranking", "rank out of range", "ranks with holes"
const char* to_string(RankingFaultKind kind);

std::optional<RankingFault> find_ranking_fault(const Ranks& ranks);

// Items by rank, best first; tied items share a group, in their own order. Items that are not
// ranked are left out. The chain that Chain of Hindsight and Plackett-Luce read. Errors: the fault.
using RankGroups = std::vector<std::vector<int64_t>>;
Result<RankGroups> rank_groups(const Ranks& ranks);

// The order that scores give: the highest is 1, equal ones tie (1, 2, 2, 3), NaN is not ranked.
Ranks ranks_of_scores(const std::vector<double>& scores);

// The same order as 1, 2, 3, ... without holes: for rankings of which items were taken out.
Ranks close_rank_holes(const Ranks& ranks);

// Which pairs of a ranking are made. With groups of ties, "a against b" means each item of a's
// group against each of b's.
enum class PairRule {
  kAll,           // each item against every lower one: C(K,2) pairs without ties
  kAdjacent,      // each item against those of the next rank: K-1
  kBestVsRest,    // the best against every other: K-1
  kBestVsWorst,   // the best against the worst: 1
  kBestVsRandom,  // one of the best against one other item, drawn with the seed: 1
};
enum class TieRule {
  kSkip,  // tied items make no pair
  kHalf,  // tied items make a pair of chosen_probability 0.5, where the rule would pair them
};

// "all", "adjacent", "best_vs_rest", "best_vs_worst", "best_vs_random"; "skip", "half".
const char* to_string(PairRule rule);
const char* to_string(TieRule rule);
const std::vector<PairRule>& pair_rules();
// kUsage with the nearest name.
Result<PairRule> parse_pair_rule(std::string_view name);
Result<TieRule> parse_tie_rule(std::string_view name);

struct PairOptions {
  PairRule rule = PairRule::kAll;
  TieRule ties = TieRule::kSkip;
  uint64_t seed = 0;     // kBestVsRandom only
  uint64_t ranking = 0;  // kBestVsRandom only: which ranking this is, so that draws differ by row
};

struct RankedPair {
  int64_t chosen = 0;  // indices of items; of a tie the first item is "chosen"
  int64_t rejected = 0;
  double chosen_probability = 1.0;  // 0.5 of a tie
  bool operator==(const RankedPair&) const = default;
};

// Pairs in the order of the chosen item's rank, then of the rejected one's, then of the items.
// Where ties make a pair (kHalf): all ties for kAll and kAdjacent, those of the best for
// kBestVsRest, and a draw from all other items for kBestVsRandom; for kBestVsWorst only when every
// item is tied. No pairs is a result, not an error: every ranked item is tied and ties are skipped.
// Errors: the ranking's fault.
Result<std::vector<RankedPair>> pairs_of_ranking(const Ranks& ranks, const PairOptions& options);

}  // namespace attune::feedback
