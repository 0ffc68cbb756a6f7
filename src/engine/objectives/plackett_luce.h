// Losses of a whole ordered list at once, by the model of Plackett and Luce: the best is chosen
// from all, the second from those left, and so on. Shapes and rankings as in ranking.h; [L] each.
#pragma once

#include <vector>

#include "engine/objectives/ranking.h"
#include "engine/tensor/tensor.h"

namespace attune::engine::objectives {

// -sum over ranked completions i of [s_i - logsumexp(s_i, all ranked strictly worse than i)].
// Without ties this is the Plackett-Luce likelihood, with K = 2 the pairwise loss, and ln K! at
// equal scores. Tied completions each beat the strictly worse ones and say nothing about one
// another, as TieRule::kDrop does for pairs; unranked ones take no part. Every ranking orders at
// least two completions strictly (pair_count with kDrop; CHECK).
Tensor plackett_luce_losses(const Tensor& scores, const std::vector<Ranking>& rankings);

// DPO over K answers (arXiv 2305.18290, appendix A.3): the same with s = beta (policy - reference),
// [C] sums over completion tokens; reference undefined: 0.
Tensor ranking_dpo_losses(const Tensor& policy, const Tensor& reference, double beta,
                          const std::vector<Ranking>& rankings);

// Best of n (Ziegler et al., arXiv 1909.08593): cross-entropy of the one completion of rank 1 among
// all of its ranking, ranked or not. CHECKs that exactly one is.
Tensor best_of_losses(const Tensor& scores, const std::vector<Ranking>& rankings);

}  // namespace attune::engine::objectives
