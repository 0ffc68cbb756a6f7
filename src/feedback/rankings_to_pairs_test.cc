#include "feedback/rankings_to_pairs.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace attune::feedback {
namespace {

constexpr std::nullopt_t kNone = std::nullopt;

std::vector<RankedPair> pairs(const Ranks& ranks, PairRule rule, TieRule ties = TieRule::kSkip) {
  return pairs_of_ranking(ranks, {.rule = rule, .ties = ties}).value();
}

TEST(RankingToPairs, RulesByExample) {
  const Ranks ranks = {2, 1, kNone, 4, 3};  // best to worst: items 1, 0, 4, 3
  EXPECT_EQ(pairs(ranks, PairRule::kAll),
            (std::vector<RankedPair>{{1, 0}, {1, 4}, {1, 3}, {0, 4}, {0, 3}, {4, 3}}));
  EXPECT_EQ(pairs(ranks, PairRule::kAdjacent), (std::vector<RankedPair>{{1, 0}, {0, 4}, {4, 3}}));
  EXPECT_EQ(pairs(ranks, PairRule::kBestVsRest), (std::vector<RankedPair>{{1, 0}, {1, 4}, {1, 3}}));
  EXPECT_EQ(pairs(ranks, PairRule::kBestVsWorst), (std::vector<RankedPair>{{1, 3}}));
}

TEST(RankingToPairs, TiesAreSkippedOrHalf) {
  const Ranks ranks = {1, 2, 1, 2};
  EXPECT_EQ(pairs(ranks, PairRule::kAll),
            (std::vector<RankedPair>{{0, 1}, {0, 3}, {2, 1}, {2, 3}}));
  EXPECT_EQ(pairs(ranks, PairRule::kAll, TieRule::kHalf),
            (std::vector<RankedPair>{{0, 2, 0.5}, {0, 1}, {0, 3}, {2, 1}, {2, 3}, {1, 3, 0.5}}));
  EXPECT_EQ(pairs(ranks, PairRule::kAdjacent, TieRule::kHalf),
            pairs(ranks, PairRule::kAll, TieRule::kHalf));
  EXPECT_EQ(pairs(ranks, PairRule::kBestVsRest, TieRule::kHalf),
            (std::vector<RankedPair>{{0, 2, 0.5}, {0, 1}, {0, 3}, {2, 1}, {2, 3}}));
  EXPECT_EQ(pairs(ranks, PairRule::kBestVsWorst, TieRule::kHalf),
            (std::vector<RankedPair>{{0, 1}, {0, 3}, {2, 1}, {2, 3}}));
  const Ranks tied = {1, kNone, 1};
  for (PairRule rule : pair_rules()) {
    EXPECT_TRUE(pairs(tied, rule).empty()) << to_string(rule);
    EXPECT_EQ(pairs(tied, rule, TieRule::kHalf), (std::vector<RankedPair>{{0, 2, 0.5}}))
        << to_string(rule);
  }
}

TEST(RankingToPairs, ARandomOpponentDependsOnSeedAndRankingAlone) {
  const Ranks ranks = {3, 1, 4, 2, kNone};
  std::set<int64_t> opponents;
  for (uint64_t ranking = 0; ranking < 64; ++ranking) {
    const PairOptions options{.rule = PairRule::kBestVsRandom, .seed = 7, .ranking = ranking};
    const auto drawn = pairs_of_ranking(ranks, options).value();
    ASSERT_EQ(drawn.size(), 1u);
    EXPECT_EQ(drawn[0].chosen, 1);
    EXPECT_EQ(drawn, pairs_of_ranking(ranks, options).value());
    opponents.insert(drawn[0].rejected);
  }
  EXPECT_EQ(opponents, (std::set<int64_t>{0, 2, 3}));
}

TEST(RankingToPairs, FaultsAreNamed) {
  const std::tuple<Ranks, RankingFaultKind, const char*> rankings[] = {
      {{}, RankingFaultKind::kOneItem, "0 of 0 items ranked"},
      {{1}, RankingFaultKind::kOneItem, "1 of 1 items ranked"},
      {{kNone, 1, kNone}, RankingFaultKind::kOneItem, "1 of 3 items ranked"},
      {{0, 1}, RankingFaultKind::kOutOfRange, "item 0 has rank 0"},
      {{-5, 1}, RankingFaultKind::kOutOfRange, "rank -5"},
      {{1, kNone, 3}, RankingFaultKind::kOutOfRange, "item 2 has rank 3; with 2 ranked items"},
      {{1, 3, 3}, RankingFaultKind::kHole, "no item has rank 2"},
      {{2, 2, 3}, RankingFaultKind::kHole, "no item has rank 1"},
      {{1, 1, 2, 4, 4}, RankingFaultKind::kHole, "no item has rank 3"},
      {{1, 1, 3, 3, 4}, RankingFaultKind::kHole, "no item has rank 2"},  // both ways mixed
  };
  for (const auto& [ranks, kind, detail] : rankings) {
    const auto fault = find_ranking_fault(ranks);
    ASSERT_TRUE(fault.has_value()) << detail;
    EXPECT_EQ(fault->kind, kind) << fault->detail;
    EXPECT_NE(fault->detail.find(detail), std::string::npos) << fault->detail;
    for (PairRule rule : pair_rules()) {
      const auto made = pairs_of_ranking(ranks, {.rule = rule});
      ASSERT_FALSE(made.ok());
      EXPECT_EQ(made.error().message(), std::string(to_string(kind)) + ": " + fault->detail);
    }
  }
  for (const Ranks& good : {Ranks{1, 2, 2, 3}, Ranks{1, 2, 2, 4}, Ranks{1, 1}, Ranks{2, kNone, 1},
                            Ranks{4, 1, 1, 1}, Ranks{2, 1, 1, 1}}) {
    EXPECT_FALSE(find_ranking_fault(good).has_value()) << find_ranking_fault(good)->detail;
  }
}

TEST(RankingToPairs, NamesAreReadAndMistypedOnesHelped) {
  for (PairRule rule : pair_rules()) {
    EXPECT_EQ(parse_pair_rule(to_string(rule)).value(), rule);
  }
  for (TieRule rule : {TieRule::kSkip, TieRule::kHalf}) {
    EXPECT_EQ(parse_tie_rule(to_string(rule)).value(), rule);
  }
  EXPECT_EQ(parse_pair_rule("best_vs_wrst").error().message(),
            "there is no pair rule \"best_vs_wrst\"; did you mean best_vs_worst?");
  EXPECT_EQ(parse_tie_rule("x").error().message(),
            "there is no tie rule \"x\"; known are skip, half");
}

TEST(RankingToPairs, ScoresGiveRanksWithTies) {
  EXPECT_EQ(ranks_of_scores({0.5, 2, 0.5, NAN, -1}), (Ranks{2, 1, 2, kNone, 3}));
  EXPECT_EQ(ranks_of_scores({INFINITY, -INFINITY, 0.0, -0.0}), (Ranks{1, 3, 2, 2}));
}

TEST(RankingToPairs, HolesAreClosed) {
  EXPECT_EQ(close_rank_holes({7, kNone, 3, 7, 0}), (Ranks{3, kNone, 2, 3, 1}));
}

// A ranking without faults: dense or skipping ranks, some items not ranked.
Ranks any_ranking() {
  const auto levels = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 5));
  const bool dense = *rc::gen::arbitrary<bool>();
  Ranks ranks;
  for (int level : levels) ranks.push_back(level == 0 ? std::nullopt : std::optional<int>(level));
  ranks = close_rank_holes(ranks);
  if (dense) return ranks;
  Ranks skipping = ranks;
  for (auto& rank : skipping) {
    if (!rank) continue;
    const auto better = std::count_if(ranks.begin(), ranks.end(),
                                      [&](const auto& other) { return other && *other < *rank; });
    rank = static_cast<int>(better) + 1;
  }
  return skipping;
}

TEST(RankingToPairsProperty, AllPairsOnceAndNeverBothWays) {
  int tried = 0;
  EXPECT_TRUE(rc::check("count, direction and antisymmetry", [&] {
    const Ranks ranks = any_ranking();
    if (find_ranking_fault(ranks)) return;
    ++tried;
    size_t differing = 0;
    size_t tied = 0;
    for (size_t i = 0; i < ranks.size(); ++i) {
      for (size_t j = i + 1; j < ranks.size(); ++j) {
        if (!ranks[i] || !ranks[j]) continue;
        ++(*ranks[i] == *ranks[j] ? tied : differing);
      }
    }
    RC_ASSERT(pairs(ranks, PairRule::kAll).size() == differing);
    RC_ASSERT(pairs(ranks, PairRule::kAll, TieRule::kHalf).size() == differing + tied);
  }));
  EXPECT_GT(tried, 20);
}

TEST(RankingToPairsProperty, EveryRulesPairsAreAmongAll) {
  int tried = 0;
  EXPECT_TRUE(rc::check("subset, no doubles, ranks obeyed", [&] {
    const Ranks ranks = any_ranking();
    if (find_ranking_fault(ranks)) return;
    ++tried;
    const auto ties = *rc::gen::element(TieRule::kSkip, TieRule::kHalf);
    const auto all = pairs(ranks, PairRule::kAll, ties);
    for (PairRule rule : pair_rules()) {
      const auto made = pairs_of_ranking(ranks, {.rule = rule, .ties = ties, .seed = 3}).value();
      RC_ASSERT(made.empty() == all.empty());
      std::set<std::pair<int64_t, int64_t>> seen;
      for (const RankedPair& pair : made) {
        RC_ASSERT(seen.insert(std::minmax(pair.chosen, pair.rejected)).second);
        const int better = *ranks[static_cast<size_t>(pair.chosen)];
        const int worse = *ranks[static_cast<size_t>(pair.rejected)];
        RC_ASSERT((pair.chosen_probability == 1.0 ? better < worse : better == worse));
        RC_ASSERT(std::find(all.begin(), all.end(), pair) != all.end());
      }
    }
  }));
  EXPECT_GT(tried, 20);
}

TEST(RankingToPairsProperty, BothWaysOfNumberingAreOneRanking) {
  EXPECT_TRUE(rc::check("1,2,2,4 and 1,2,2,3 give the same pairs", [&] {
    const Ranks ranks = any_ranking();
    if (find_ranking_fault(ranks)) return;
    for (PairRule rule : pair_rules()) {
      RC_ASSERT(pairs(ranks, rule) == pairs(close_rank_holes(ranks), rule));
    }
  }));
}

}  // namespace
}  // namespace attune::feedback
