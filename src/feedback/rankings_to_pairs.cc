#include "feedback/rankings_to_pairs.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <map>
#include <tuple>

#include "base/nearest.h"
#include "base/random.h"

namespace attune::feedback {
namespace {

// Ranked items under their rank.
std::map<int, std::vector<int64_t>> items_by_rank(const Ranks& ranks) {
  std::map<int, std::vector<int64_t>> items;
  for (size_t i = 0; i < ranks.size(); ++i) {
    if (ranks[i]) items[*ranks[i]].push_back(static_cast<int64_t>(i));
  }
  return items;
}

using RankedItems = std::map<int, std::vector<int64_t>>;

// The first rank that items should have and do not, when `step` gives the distance to the next
// rank after a group of that many tied items.
template <typename Step>
std::optional<int64_t> first_hole(const RankedItems& items, Step step) {
  int64_t expected = 1;
  for (const auto& [rank, tied] : items) {
    if (rank != expected) return expected;
    expected += step(tied.size());
  }
  return std::nullopt;
}

void add_cross(const std::vector<int64_t>& better, const std::vector<int64_t>& worse,
               std::vector<RankedPair>& pairs) {
  for (int64_t chosen : better) {
    for (int64_t rejected : worse) pairs.push_back({chosen, rejected, 1.0});
  }
}

void add_ties(const std::vector<int64_t>& tied, std::vector<RankedPair>& pairs) {
  for (size_t i = 0; i < tied.size(); ++i) {
    for (size_t j = i + 1; j < tied.size(); ++j) pairs.push_back({tied[i], tied[j], 0.5});
  }
}

// The pairs of each group with the groups below it, up to `reach` groups down.
std::vector<RankedPair> pairs_within_reach(const RankGroups& groups, size_t groups_above,
                                           size_t reach, TieRule ties) {
  std::vector<RankedPair> pairs;
  for (size_t g = 0; g < std::min(groups_above, groups.size()); ++g) {
    if (ties == TieRule::kHalf) add_ties(groups[g], pairs);
    for (size_t below = g + 1; below < groups.size() && below - g <= reach; ++below) {
      add_cross(groups[g], groups[below], pairs);
    }
  }
  return pairs;
}

std::vector<RankedPair> best_and_worst(const RankGroups& groups, TieRule ties) {
  std::vector<RankedPair> pairs;
  if (groups.size() > 1) {
    add_cross(groups.front(), groups.back(), pairs);
  } else if (ties == TieRule::kHalf) {
    add_ties(groups.front(), pairs);
  }
  return pairs;
}

std::vector<RankedPair> best_and_random(const RankGroups& groups, const PairOptions& options) {
  Random random(options.seed, options.ranking + 1);  // stream 0 is the seed's own
  const std::vector<int64_t>& best = groups.front();
  const int64_t winner = best[random.below(best.size())];
  std::vector<int64_t> others;
  if (options.ties == TieRule::kHalf) {
    std::copy_if(best.begin(), best.end(), std::back_inserter(others),
                 [winner](int64_t item) { return item != winner; });
  }
  const size_t tied = others.size();
  for (size_t g = 1; g < groups.size(); ++g) {
    others.insert(others.end(), groups[g].begin(), groups[g].end());
  }
  if (others.empty()) return {};
  const size_t drawn = random.below(others.size());
  const int64_t other = others[drawn];
  if (drawn >= tied) return {{winner, other, 1.0}};
  return {{std::min(winner, other), std::max(winner, other), 0.5}};
}

void sort_by_rank(const Ranks& ranks, std::vector<RankedPair>& pairs) {
  auto key = [&ranks](const RankedPair& pair) {
    return std::tuple(*ranks[static_cast<size_t>(pair.chosen)],
                      *ranks[static_cast<size_t>(pair.rejected)], pair.chosen, pair.rejected);
  };
  std::sort(pairs.begin(), pairs.end(),
            [&key](const RankedPair& a, const RankedPair& b) { return key(a) < key(b); });
}

template <typename Rule>
Result<Rule> parse_name(std::string_view name, const std::vector<Rule>& rules, const char* what) {
  std::vector<std::string> names;
  for (Rule rule : rules) {
    if (name == to_string(rule)) return rule;
    names.emplace_back(to_string(rule));
  }
  const std::string nearest = nearest_name(name, names);
  return usage_error("there is no {} \"{}\"; {} {}", what, name,
                     nearest.empty() ? "known are" : "did you mean",
                     nearest.empty() ? fmt::format("{}", fmt::join(names, ", ")) : nearest + "?");
}

}  // namespace

const char* to_string(RankingFaultKind kind) {
  switch (kind) {
    case RankingFaultKind::kOneItem:
      return "one-item ranking";
    case RankingFaultKind::kOutOfRange:
      return "rank out of range";
    case RankingFaultKind::kHole:
      return "ranks with holes";
  }
  return "unknown";
}

std::optional<RankingFault> find_ranking_fault(const Ranks& ranks) {
  const RankedItems items = items_by_rank(ranks);
  size_t ranked = 0;
  for (const auto& [rank, tied] : items) ranked += tied.size();
  if (ranked < 2) {
    return RankingFault{
        RankingFaultKind::kOneItem,
        fmt::format("{} of {} items ranked; a comparison needs two", ranked, ranks.size())};
  }
  for (const auto& [rank, tied] : items) {
    if (rank >= 1 && rank <= static_cast<int64_t>(ranked)) continue;
    return RankingFault{RankingFaultKind::kOutOfRange,
                        fmt::format("item {} has rank {}; with {} ranked items ranks lie in 1..{}",
                                    tied.front(), rank, ranked, ranked)};
  }
  const auto dense = first_hole(items, [](size_t) { return int64_t{1}; });
  const auto skipping = first_hole(items, [](size_t tied) { return static_cast<int64_t>(tied); });
  if (!dense || !skipping) return std::nullopt;
  return RankingFault{RankingFaultKind::kHole,
                      fmt::format("no item has rank {}; ranks go 1, 2, 3, ... (after two at rank "
                                  "2, rank 3 or rank 4 may follow)",
                                  *dense)};
}

Result<RankGroups> rank_groups(const Ranks& ranks) {
  if (auto fault = find_ranking_fault(ranks)) {
    return invalid_input("{}: {}", to_string(fault->kind), fault->detail);
  }
  RankGroups groups;
  for (auto& [rank, tied] : items_by_rank(ranks)) groups.push_back(tied);
  return groups;
}

Ranks ranks_of_scores(const std::vector<double>& scores) {
  std::map<double, int, std::greater<>> rank_of;
  for (double score : scores) {
    if (!std::isnan(score)) rank_of[score] = 0;
  }
  int next = 1;
  for (auto& [score, rank] : rank_of) rank = next++;
  Ranks ranks;
  for (double score : scores) {
    ranks.push_back(std::isnan(score) ? std::nullopt : std::optional<int>(rank_of[score]));
  }
  return ranks;
}

Ranks close_rank_holes(const Ranks& ranks) {
  Ranks closed(ranks.size());
  int next = 1;
  for (const auto& [rank, tied] : items_by_rank(ranks)) {
    for (int64_t item : tied) closed[static_cast<size_t>(item)] = next;
    ++next;
  }
  return closed;
}

const char* to_string(PairRule rule) {
  switch (rule) {
    case PairRule::kAll:
      return "all";
    case PairRule::kAdjacent:
      return "adjacent";
    case PairRule::kBestVsRest:
      return "best_vs_rest";
    case PairRule::kBestVsWorst:
      return "best_vs_worst";
    case PairRule::kBestVsRandom:
      return "best_vs_random";
  }
  return "unknown";
}

const char* to_string(TieRule rule) {
  return rule == TieRule::kSkip ? "skip" : "half";
}

const std::vector<PairRule>& pair_rules() {
  static const std::vector<PairRule> rules = {PairRule::kAll, PairRule::kAdjacent,
                                              PairRule::kBestVsRest, PairRule::kBestVsWorst,
                                              PairRule::kBestVsRandom};
  return rules;
}

Result<PairRule> parse_pair_rule(std::string_view name) {
  return parse_name(name, pair_rules(), "pair rule");
}

Result<TieRule> parse_tie_rule(std::string_view name) {
  return parse_name<TieRule>(name, {TieRule::kSkip, TieRule::kHalf}, "tie rule");
}

Result<std::vector<RankedPair>> pairs_of_ranking(const Ranks& ranks, const PairOptions& options) {
  const RankGroups groups = TRY(rank_groups(ranks));
  std::vector<RankedPair> pairs;
  switch (options.rule) {
    case PairRule::kAll:
      pairs = pairs_within_reach(groups, groups.size(), groups.size(), options.ties);
      break;
    case PairRule::kAdjacent:
      pairs = pairs_within_reach(groups, groups.size(), 1, options.ties);
      break;
    case PairRule::kBestVsRest:
      pairs = pairs_within_reach(groups, 1, groups.size(), options.ties);
      break;
    case PairRule::kBestVsWorst:
      pairs = best_and_worst(groups, options.ties);
      break;
    case PairRule::kBestVsRandom:
      pairs = best_and_random(groups, options);
      break;
  }
  sort_by_rank(ranks, pairs);
  return pairs;
}

}  // namespace attune::feedback
