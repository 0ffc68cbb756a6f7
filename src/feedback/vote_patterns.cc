#include "feedback/vote_patterns.h"

#include <algorithm>

namespace attune::feedback {
namespace {

// The cells of all items, item after item, each item's in order; where each begins.
struct ByItem {
  std::vector<size_t> starts;
  std::vector<VoteCell> cells;
};

ByItem sort_by_item(std::span<const Vote> votes, const VoteSpace& space) {
  ByItem found{std::vector<size_t>(static_cast<size_t>(space.items) + 1, 0),
               std::vector<VoteCell>(votes.size())};
  for (const Vote& vote : votes) ++found.starts[static_cast<size_t>(vote.item) + 1];
  for (size_t i = 1; i < found.starts.size(); ++i) found.starts[i] += found.starts[i - 1];
  std::vector<size_t> next(found.starts.begin(), found.starts.end() - 1);
  for (const Vote& vote : votes) {
    found.cells[next[static_cast<size_t>(vote.item)]++] =
        static_cast<VoteCell>(vote.rater * space.classes + vote.label);
  }
  for (size_t i = 0; i + 1 < found.starts.size(); ++i) {
    const auto first = found.cells.begin() + static_cast<std::ptrdiff_t>(found.starts[i]);
    const auto last = found.cells.begin() + static_cast<std::ptrdiff_t>(found.starts[i + 1]);
    if (!std::is_sorted(first, last)) std::sort(first, last);
  }
  return found;
}

uint64_t hash_of(std::span<const VoteCell> cells) {
  uint64_t hash = cells.size();
  for (const VoteCell cell : cells) {
    hash = (hash ^ cell) * 0x9E3779B97F4A7C15u;  // the golden ratio: spreads neighbours
    hash ^= hash >> 29;
  }
  return hash;
}

// Gives equal spans of cells the same number: a table of open addresses, at most half full.
class Numbering {
 public:
  Numbering(VotePatterns& patterns, size_t items_max) : patterns_(patterns) {
    size_t places = 16;
    while (places < 2 * items_max) places *= 2;
    places_.assign(places, VotePatterns::kNoVotes);
  }

  uint32_t number_of(std::span<const VoteCell> cells) {
    size_t at = hash_of(cells) & (places_.size() - 1);
    for (; places_[at] != VotePatterns::kNoVotes; at = (at + 1) & (places_.size() - 1)) {
      if (std::ranges::equal(patterns_.cells_of(places_[at]), cells)) return places_[at];
    }
    places_[at] = static_cast<uint32_t>(patterns_.size());
    patterns_.cells.insert(patterns_.cells.end(), cells.begin(), cells.end());
    patterns_.starts.push_back(patterns_.cells.size());
    patterns_.items.push_back(0);
    return places_[at];
  }

 private:
  VotePatterns& patterns_;
  std::vector<uint32_t> places_;
};

}  // namespace

Result<VotePatterns> vote_patterns(std::span<const Vote> votes, const VoteSpace& space) {
  TRY(check_votes(votes, space));
  if (votes.empty()) return invalid_input("no votes: there is nothing to estimate from");
  constexpr int64_t kMost = VotePatterns::kNoVotes;
  if (space.items >= kMost || std::ssize(votes) >= kMost ||
      space.raters >= kMost / space.classes) {
    return invalid_input("{} votes on {} items by {} raters with {} categories are more than one "
                         "estimate counts: judge a part of the items",
                         votes.size(), space.items, space.raters, space.classes);
  }
  const ByItem all = sort_by_item(votes, space);
  VotePatterns patterns;
  patterns.classes = static_cast<size_t>(space.classes);
  patterns.raters = static_cast<size_t>(space.raters);
  patterns.starts.push_back(0);
  const size_t items = static_cast<size_t>(space.items);
  patterns.pattern_of.assign(items, VotePatterns::kNoVotes);
  Numbering numbering(patterns, std::min(items, votes.size()));
  for (size_t i = 0; i < items; ++i) {
    const size_t count = all.starts[i + 1] - all.starts[i];
    if (count == 0) continue;
    const auto cells = std::span(all.cells).subspan(all.starts[i], count);
    const uint32_t pattern = numbering.number_of(cells);
    patterns.pattern_of[i] = pattern;
    patterns.items[pattern] += 1;
  }
  return patterns;
}

std::vector<std::vector<double>> by_item(const VotePatterns& patterns,
                                         std::span<const double> posteriors,
                                         std::span<const double> without) {
  std::vector<std::vector<double>> found;
  found.reserve(patterns.pattern_of.size());
  for (const uint32_t pattern : patterns.pattern_of) {
    const auto row = pattern == VotePatterns::kNoVotes
                         ? without
                         : posteriors.subspan(pattern * patterns.classes, patterns.classes);
    found.emplace_back(row.begin(), row.end());
  }
  return found;
}

}  // namespace attune::feedback
