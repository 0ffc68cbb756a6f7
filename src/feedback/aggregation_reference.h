// Dawid-Skene and MACE as plain expectation maximisation, vote by vote in logs: what dawid_skene.h
// and mace.h have to find, faster. For tests.
#pragma once

#include "base/random.h"
#include "feedback/dawid_skene.h"
#include "feedback/mace.h"

namespace attune::feedback {

DawidSkene plain_dawid_skene(std::span<const Vote> votes, const VoteSpace& space,
                             const DawidSkeneOptions& options = {});
Mace plain_mace(std::span<const Vote> votes, const VoteSpace& space,
                const MaceOptions& options = {});

// What `per_item` raters say of each item, drawn from all of them; each is right with a probability
// of their own, from `least` to 1, and says a label drawn evenly otherwise.
std::vector<Vote> drawn_votes(Random& random, const VoteSpace& space, int64_t per_item,
                              double least);

}  // namespace attune::feedback
