// Votes laid out for models that go over all of them many times (dawid_skene.h, mace.h): flat, item
// by item, and items that the same raters gave the same labels as one pattern with a count. What a
// model computes of an item depends on its votes alone, so that a pattern stands for its items
// exactly; sums over items differ by rounding only.
//
// Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "base/result.h"
#include "feedback/votes.h"

namespace attune::feedback {

// A rater and the label said, as one number below raters * classes.
using VoteCell = uint32_t;

struct VotePatterns {
  static constexpr uint32_t kNoVotes = UINT32_MAX;

  size_t classes = 0;
  size_t raters = 0;
  std::vector<uint32_t> pattern_of;  // [items], or kNoVotes
  std::vector<double> items;         // [patterns], of this pattern
  std::vector<size_t> starts;        // [patterns + 1], where its cells begin
  std::vector<VoteCell> cells;       // rater * classes + label, by rater; pattern after pattern

  size_t size() const { return items.size(); }
  size_t cell_count() const { return raters * classes; }
  std::span<const VoteCell> cells_of(size_t pattern) const {
    return std::span(cells).subspan(starts[pattern], starts[pattern + 1] - starts[pattern]);
  }
};

// Patterns are in the order of the first item that has them. The order of votes does not matter.
// Errors: check_votes; no votes; more votes, items or cells than 32 bits count.
Result<VotePatterns> vote_patterns(std::span<const Vote> votes, const VoteSpace& space);

// [items][classes] from [patterns, classes], `without` [classes] for items without votes.
std::vector<std::vector<double>> by_item(const VotePatterns& patterns,
                                         std::span<const double> posteriors,
                                         std::span<const double> without);

// `work` with the number of classes as a constant where it is small, so that loops over classes
// unroll; with 0 otherwise.
template <typename F>
decltype(auto) with_classes(size_t classes, F work) {
  switch (classes) {
    case 2: return work(std::integral_constant<size_t, 2>());
    case 3: return work(std::integral_constant<size_t, 3>());
    case 4: return work(std::integral_constant<size_t, 4>());
    case 5: return work(std::integral_constant<size_t, 5>());
    case 6: return work(std::integral_constant<size_t, 6>());
    case 7: return work(std::integral_constant<size_t, 7>());
    default: return work(std::integral_constant<size_t, 0>());
  }
}

}  // namespace attune::feedback
