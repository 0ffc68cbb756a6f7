// From comparisons and rankings to one strength for each item: Bradley and Terry (1952) for pairs,
// with ties after Davidson (1970) or Rao and Kupper (1967), and Plackett-Luce for whole rankings.
// The maximum of the likelihood, or of the posterior with a normal prior.
//
//   Bradley-Terry  P(i > j) = 1/(1 + exp(b_j - b_i))
//   Davidson       P(i) : P(j) : P(tie) = p_i : p_j : nu sqrt(p_i p_j)        p = exp(b)
//   Rao-Kupper     P(i > j) = p_i/(p_i + theta p_j), theta >= 1; a tie is the rest
//   Plackett-Luce  P(ranking) = prod_k exp(b_(k)) / sum of exp(b) of all that are not placed yet
//
// Pure functions; thread-safe. Time grows with the cube of the items (a thousand: seconds).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"

namespace attune::feedback {

// How two items did against each other; several rows of one pair add up.
struct PairCount {
  int64_t first = 0, second = 0;  // items, from 0; not the same one
  double first_wins = 0, second_wins = 0, ties = 0;
};

enum class TieModel {
  kHalfWin,   // a tie is half a win for each
  kIgnore,    // ties are left out
  kDavidson,  // a parameter nu
  kRaoKupper  // a parameter theta
};

struct StrengthOptions {
  TieModel ties = TieModel::kHalfWin;
  // Of a normal prior on each b. 0: none; the strengths then exist only if every item has beaten
  // and been beaten by the others, directly or in a chain.
  double prior_precision = 0;
};

struct Strengths {
  std::vector<double> b;                // [items], mean 0
  std::optional<double> tie_parameter;  // nu or theta
  double log_likelihood = 0;            // of the data, without the prior
};

// Errors: an item out of range or against itself, a count below 0, strengths that do not exist
// without a prior (the message names an item).
Result<Strengths> bradley_terry(int64_t items, std::span<const PairCount> pairs,
                                const StrengthOptions& options = {});

// A ranking without ties: the placed items, best first, and those that were shown but not placed
// (a top-k ranking; they come after all placed ones in an order nobody gave).
struct PlacedItems {
  std::vector<int64_t> best_first;
  std::vector<int64_t> unplaced;
};
// Errors as above; an item twice in one ranking.
Result<Strengths> plackett_luce(int64_t items, std::span<const PlacedItems> rankings,
                                double prior_precision = 0);

// The probability of the ranking under these strengths, in nats.
double plackett_luce_log_probability(const std::vector<double>& b, const PlacedItems& ranking);

}  // namespace attune::feedback
