// What a reward model learns from: pairs and whole rankings (losses.md §6; plackett_luce.h has the
// listwise forms), as pure functions of scores. C completions of one pass have scores [C]
// (differentiable, fp32 or double); a ranking names some of them. P pairs, L rankings, Q pairs made
// of rankings.
//
// Losses are per element; the trainer divides their sum by the units of the whole step.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/tensor/tensor.h"

namespace attune::engine::objectives {

// Added to each pair's loss, c * (r_w + r_l)^2 and  g/2 * (r_w^2 + r_l^2): keep scores near zero.
struct ScoreRegularisers {
  double centre = 0;    // c: TRL's center_rewards_coefficient (arXiv 2312.09244; its docs: 0.01)
  double magnitude = 0;  // g: Open-Assistant's reward models (0.001)
};

// -p log s(r_w - r_l - m) - (1-p) log s(r_l - r_w - m), [P]. The margin m (Llama 2, arXiv
// 2307.09288) and the soft label p (losses.md §12; a tie is 0.5) are [P], or undefined: 0 and 1.
Tensor pairwise_losses(const Tensor& chosen, const Tensor& rejected, const Tensor& margin = {},
                       const Tensor& chosen_probability = {}, const ScoreRegularisers& = {});

inline constexpr int64_t kUnranked = 0;

// One prompt's completions in someone's order.
struct Ranking {
  std::vector<int64_t> completions;  // [K] indices into the scores
  std::vector<int64_t> ranks;        // [K] 1 is best, equal numbers are ties, kUnranked: no opinion
};

enum class TieRule {
  kDrop,  // tied completions make no pair
  kHalf,  // they make one of probability 0.5
};

// All pairs of the ranked completions of each ranking, better side first.
struct RankedPairs {
  Tensor better, worse;  // [Q] int64 into the scores
  Tensor probability;    // [Q] double: that `better` is preferred, 1 or 0.5
  Tensor ranking;        // [Q] int64: the ranking that it comes from
  Tensor count;          // [L] double: pairs of each ranking
};
RankedPairs ranked_pairs(const std::vector<Ranking>& rankings, TieRule ties);
int64_t pair_count(const Ranking& ranking, TieRule ties);

enum class PairAverage {
  kPerRanking,  // InstructGPT, Open-Assistant: a ranking counts once, however long it is
  kPerPair,     // each pair counts once
};

// K-wise (InstructGPT, arXiv 2203.02155): of each ranking the pairwise losses of all its pairs:
// their mean with kPerRanking (a unit is a ranking), their sum with kPerPair (a unit is a pair).
// [L]. Every ranking has at least one pair (pair_count; CHECK): one that teaches nothing is a row
// to drop and count, not a loss of zero.
Tensor kwise_losses(const Tensor& scores, const std::vector<Ranking>& rankings, TieRule ties,
                    PairAverage average = PairAverage::kPerRanking, const ScoreRegularisers& = {});

}  // namespace attune::engine::objectives
