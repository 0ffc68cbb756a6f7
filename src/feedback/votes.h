// Votes on categories, and what they say together: majorities, plain and weighted by how reliable a
// rater is, with ties broken by a recorded seed; and the soft labels that go into a loss.
//
// The models that estimate reliability itself are in dawid_skene.h and mace.h. Pure functions;
// thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "feedback/kappa.h"

namespace attune::feedback {

// One rater's category for one item, all counted from 0.
struct Vote {
  int64_t item = 0;
  int64_t rater = 0;
  int label = 0;
};

// What the votes are about. The functions below refuse votes outside of it.
struct VoteSpace {
  int64_t items = 0;
  int64_t raters = 0;
  int classes = 0;  // at least 2
};
// The first vote that lies outside, or a rater's second vote on an item: kInvalidInput.
Status check_votes(std::span<const Vote> votes, const VoteSpace& space);

struct Consensus {
  int label = kNoAnswer;       // kNoAnswer without votes
  bool tied = false;           // several labels had the most votes; the seed chose among them
  std::vector<double> shares;  // [classes], the soft label; sums to 1, all 0 without votes
};

// One consensus for each item. `rater_weights` [raters] (0 or more; none: all 1) weigh the votes.
// A tie is broken by a draw from (seed, item), so that the order of votes and of items does not
// matter and anybody can repeat it. Errors: check_votes; weights of another number or below 0.
Result<std::vector<Consensus>> majority(std::span<const Vote> votes, const VoteSpace& space,
                                        uint64_t seed, std::span<const double> rater_weights = {});

// [items][classes] of probabilities as consensus: the most probable label; ties as above.
std::vector<Consensus> consensus_of(const std::vector<std::vector<double>>& posteriors,
                                    uint64_t seed);

}  // namespace attune::feedback
