// Majorities, Dawid-Skene and MACE: closed forms, values of other implementations
// (tests/golden/feedback/make_aggregation.py), and what the sample data are known to give.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "feedback/aggregation_golden.h"
#include "feedback/dawid_skene.h"
#include "feedback/mace.h"
#include "feedback/raters.h"
#include "feedback/votes.h"
#include "tests/support/test_paths.h"

namespace attune::feedback {
namespace {

struct Case {
  VoteSpace space;
  std::vector<Vote> votes;
};
Case case_of(const Json& one) {
  Case found;
  found.space = {one["items"].get<int64_t>(), one["raters"].get<int64_t>(),
                 one["classes"].get<int>()};
  for (const Json& vote : one["votes"]) {
    found.votes.push_back({vote[0].get<int64_t>(), vote[1].get<int64_t>(), vote[2].get<int>()});
  }
  return found;
}

double largest_difference(const std::vector<std::vector<double>>& found, const Json& expected) {
  double largest = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    for (size_t k = 0; k < found[i].size(); ++k) {
      largest = std::max(largest, std::abs(found[i][k] - expected[i][k].get<double>()));
    }
  }
  return largest;
}

TEST(Majority, CountsWeighsAndLeavesItemsWithoutVotes) {
  const std::vector<Vote> votes = {{0, 0, 1}, {0, 1, 1}, {0, 2, 0}, {1, 0, 2}, {1, 2, 0}};
  const VoteSpace space{3, 3, 3};
  const auto plain = majority(votes, space, 1).value();
  EXPECT_EQ(plain[0].label, 1);
  EXPECT_FALSE(plain[0].tied);
  EXPECT_NEAR(plain[0].shares[1], 2.0 / 3, 1e-15);
  EXPECT_TRUE(plain[1].tied);
  EXPECT_EQ(plain[2].label, kNoAnswer);
  const std::vector<double> weights = {0.2, 0.2, 0.6};
  const auto weighted = majority(votes, space, 1, weights).value();
  EXPECT_EQ(weighted[0].label, 0);
  EXPECT_EQ(weighted[1].label, 0);
  EXPECT_NEAR(weighted[1].shares[0], 0.75, 1e-15);
}

TEST(Majority, TiesAreBrokenBySeedAndItemAlone) {
  std::vector<Vote> votes;
  for (int64_t item = 0; item < 400; ++item) {
    votes.push_back({item, 0, 0});
    votes.push_back({item, 1, 1});
  }
  const VoteSpace space{400, 2, 3};
  const auto once = majority(votes, space, 7).value();
  std::reverse(votes.begin(), votes.end());
  const auto turned = majority(votes, space, 7).value();
  const auto other = majority(votes, space, 8).value();
  int64_t ones = 0, differ = 0;
  for (size_t i = 0; i < once.size(); ++i) {
    EXPECT_EQ(once[i].label, turned[i].label);
    EXPECT_NE(once[i].label, 2);
    ones += once[i].label;
    differ += once[i].label != other[i].label ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(ones), 200, 50);
  EXPECT_NEAR(static_cast<double>(differ), 200, 50);
}

TEST(Majority, RefusesVotesOutsideAndTwice) {
  const VoteSpace space{2, 2, 2};
  const std::vector<std::vector<Vote>> wrong = {
      {{2, 0, 0}}, {{0, 2, 0}}, {{0, 0, 2}}, {{0, 0, -1}}, {{0, 1, 0}, {0, 1, 1}}};
  for (const auto& votes : wrong) {
    EXPECT_FALSE(majority(votes, space, 0).ok());
    EXPECT_FALSE(dawid_skene(votes, space).ok());
    EXPECT_FALSE(mace(votes, space).ok());
  }
  const auto twice = check_votes(wrong.back(), space);
  EXPECT_NE(twice.error().message().find("rater 1 voted twice on item 0"), std::string::npos);
  const std::vector<double> too_few = {1.0};
  EXPECT_FALSE(majority({}, space, 0, too_few).ok());
}

TEST(DawidSkene, EqualsAnotherImplementation) {
  for (const Json& one : aggregation_golden()["categories"]) {
    const Case given = case_of(one);
    const auto found = dawid_skene(given.votes, given.space,
                                   {.smoothing = 0, .iterations_max = 20000, .tolerance = 1e-12});
    EXPECT_LT(largest_difference(found->posteriors, one["dawid_skene"]), 1e-4);
  }
}

TEST(DawidSkene, UnanimousVotesStayWhatTheyAre) {
  std::vector<Vote> votes;
  for (int64_t item = 0; item < 12; ++item) {
    for (int64_t rater = 0; rater < 3; ++rater) {
      votes.push_back({item, rater, static_cast<int>(item % 3)});
    }
  }
  const auto found = dawid_skene(votes, {13, 4, 3}, {.smoothing = 0}).value();
  EXPECT_TRUE(found.converged);
  for (size_t item = 0; item < 12; ++item) EXPECT_EQ(found.posteriors[item][item % 3], 1.0);
  EXPECT_NEAR(found.posteriors[12][0], 1.0 / 3, 1e-12);    // without votes: the class shares
  EXPECT_NEAR(found.confusion[3][1][2], 1.0 / 3, 1e-12);   // without votes: even
  EXPECT_NEAR(found.log_likelihood, -12 * std::log(3.0), 1e-9);
}

TEST(Mace, EqualsAnotherImplementation) {
  for (const Json& one : aggregation_golden()["categories"]) {
    const Case given = case_of(one);
    const auto found = mace(given.votes, given.space,
                            {.restarts = 20, .iterations_max = 4000, .tolerance = 1e-13,
                             .smoothing = 0.1})
                           .value();
    const Json& expected = one["mace"];
    EXPECT_NEAR(found.log_likelihood, expected["log_likelihood"].get<double>(), 1e-4);
    EXPECT_LT(largest_difference(found.posteriors, expected["posteriors"]), 1e-3);
    for (size_t rater = 0; rater < found.spamming.size(); ++rater) {
      EXPECT_NEAR(found.spamming[rater], expected["spamming"][rater].get<double>(), 1e-3);
    }
  }
}

TEST(Mace, FindsWhoAlwaysSaysTheSame) {
  Random random(5);
  std::vector<Vote> votes;
  for (int64_t item = 0; item < 200; ++item) {
    const int truth = static_cast<int>(random.below(4));
    for (int64_t rater = 0; rater < 3; ++rater) {
      const bool right = random.uniform() < 0.9;
      votes.push_back({item, rater, right ? truth : static_cast<int>(random.below(4))});
    }
    votes.push_back({item, 3, 2});
  }
  const auto found = mace(votes, {200, 4, 4}, {.smoothing = 0.1}).value();
  for (size_t rater = 0; rater < 3; ++rater) EXPECT_LT(found.spamming[rater], 0.3);
  EXPECT_GT(found.spamming[3], 0.95);
  EXPECT_GT(found.habits[3][2], 0.95);
  const auto again = mace(votes, {200, 4, 4}, {.smoothing = 0.1}).value();
  EXPECT_EQ(found.log_likelihood, again.log_likelihood);
}

// 999 items by three people: figures computed once from the definitions.
TEST(AggregationSample, PandaLm) {
  SKIP_WITHOUT_SAMPLE(path, "pandalm/testset-v1.json");
  const Json rows = read_json_file(path).value();
  std::vector<Vote> votes;
  for (size_t i = 0; i < rows.size(); ++i) {
    for (int64_t rater = 0; rater < 3; ++rater) {
      votes.push_back({static_cast<int64_t>(i), rater,
                       rows[i]["annotator" + std::to_string(rater + 1)].get<int>()});
    }
  }
  const VoteSpace space{std::ssize(rows), 3, 3};
  const auto counts = [](const std::vector<Consensus>& all) {
    std::vector<int64_t> found(3);
    for (const Consensus& one : all) ++found[static_cast<size_t>(one.label)];
    return found;
  };
  const std::vector<int64_t> published = {105, 422, 472};
  EXPECT_EQ(counts(majority(votes, space, 0).value()), published);

  const auto ds = dawid_skene(votes, space, {.smoothing = 0}).value();
  const double shares[] = {0.105434, 0.422602, 0.471963};
  const double diagonals[3][3] = {{0.883313, 0.973165, 0.967574},
                                  {0.958098, 0.943954, 0.952561},
                                  {0.958907, 0.951636, 0.981265}};
  for (size_t k = 0; k < 3; ++k) {
    EXPECT_NEAR(ds.class_shares[k], shares[k], 2e-6);
    for (size_t a = 0; a < 3; ++a) EXPECT_NEAR(ds.confusion[a][k][k], diagonals[a][k], 2e-6);
  }
  EXPECT_EQ(counts(consensus_of(ds.posteriors, 0)), published);

  const auto spam = mace(votes, space, {.restarts = 1, .tolerance = 1e-13}).value();
  const double thetas[] = {0.070520, 0.082355, 0.053944};
  for (size_t a = 0; a < 3; ++a) EXPECT_NEAR(spam.spamming[a], thetas[a], 2e-6);
  EXPECT_NEAR(spam.log_likelihood, -1664.455113, 1e-4);
  EXPECT_EQ(counts(consensus_of(spam.posteriors, 0)), published);
}

// Rater 0 looks, 1 is in a hurry, 2 says the same every time, 3 gets gold records wrong.
TEST(RaterSigns, NamesTheHurriedTheConstantAndTheWrong) {
  std::vector<RaterAnswer> answers;
  for (int64_t item = 0; item < 40; ++item) {
    const int truth = static_cast<int>(item % 3);
    const int gold = item % 2 == 0 ? truth : kNoAnswer;
    answers.push_back({item, 0, truth, 20, gold});
    answers.push_back({item, 1, truth, 1.5, gold});
    answers.push_back({item, 2, 1, 18, kNoAnswer});
    answers.push_back({item, 3, (truth + 1) % 3, 25, gold});
  }
  const auto signs = rater_signs(answers, {40, 5, 3}).value();
  ASSERT_EQ(signs.size(), 5u);
  EXPECT_FALSE(signs[0].too_fast || signs[0].constant || signs[0].fails_gold);
  EXPECT_EQ(signs[0].gold_rate, 1.0);
  EXPECT_TRUE(signs[1].too_fast);
  EXPECT_EQ(signs[1].median_seconds, 1.5);
  EXPECT_EQ(signs[1].fast_rate, 1.0);
  EXPECT_TRUE(signs[2].constant);
  EXPECT_FALSE(signs[2].gold_rate.has_value());
  EXPECT_TRUE(signs[3].fails_gold);
  EXPECT_EQ(signs[3].gold_rate, 0.0);
  EXPECT_EQ(signs[4].answers, 0);
  EXPECT_GT(*signs[0].agreement, *signs[3].agreement);
}

TEST(RaterSigns, FewAnswersRaiseNoSign) {
  std::vector<RaterAnswer> answers;
  for (int64_t item = 0; item < 9; ++item) {
    answers.push_back({item, 0, 1, 30, kNoAnswer});
    answers.push_back({item, 1, 0, 0.1, 1});
  }
  const auto signs = rater_signs(answers, {9, 2, 2}).value();
  EXPECT_FALSE(signs[1].too_fast || signs[1].constant || signs[1].fails_gold);
  EXPECT_EQ(signs[1].gold_rate, 0.0);
}

}  // namespace
}  // namespace attune::feedback
