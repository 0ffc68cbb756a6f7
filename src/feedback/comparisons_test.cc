#include "feedback/comparisons.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace attune::feedback {
namespace {

TEST(PairAgreement, CountsPairsOfPeopleWhoChoseASide) {
  const std::vector<Comparison> answers = {
      {0, 0, 1, Choice::kFirst}, {0, 0, 2, Choice::kFirst},  {0, 0, 3, Choice::kSecond},
      {0, 1, 1, Choice::kFirst}, {0, 1, 2, Choice::kTie},    {0, 1, 3, Choice::kFirst},
      {1, 0, 1, Choice::kFirst}, {1, 0, 1, Choice::kSecond}, {1, 0, 2, Choice::kSecond},
  };
  const PairAgreement different = pair_agreement(answers, RaterPairs::kDifferent);
  EXPECT_EQ(different.comparisons, 3 + 1 + 2);
  EXPECT_EQ(different.agreements, 1 + 1 + 1);
  EXPECT_DOUBLE_EQ(different.rate->estimate, 0.5);
  EXPECT_EQ(different.rate->units, 2);
  const PairAgreement same = pair_agreement(answers, RaterPairs::kSame);
  EXPECT_EQ(same.comparisons, 1);
  EXPECT_EQ(same.agreements, 0);
  EXPECT_FALSE(pair_agreement({}, RaterPairs::kDifferent).rate.has_value());
  EXPECT_FALSE(
      pair_agreement(std::span(answers).first(1), RaterPairs::kDifferent).rate.has_value());
}

TEST(PairAgreement, OfRankings) {
  const auto a = comparisons_of_ranking(0, 0, {1, 2, 2, std::nullopt}).value();
  const auto b = comparisons_of_ranking(0, 1, {2, 1, 3, 4}).value();
  std::vector<Comparison> answers = b;
  answers.insert(answers.end(), a.begin(), a.end());
  // Item pairs 01 (differ), 02 (agree), 12 (tied by one): two comparisons, one agreement.
  const PairAgreement found = pair_agreement(answers, RaterPairs::kDifferent);
  EXPECT_EQ(found.comparisons, 2);
  EXPECT_EQ(found.agreements, 1);
  EXPECT_FALSE(comparisons_of_ranking(0, 0, {1}).ok());
}

TEST(PairAgreementProperty, EqualsTheLoopOverPairs) {
  EXPECT_TRUE(rc::check("counted one by one", [] {
    const auto raw = *rc::gen::container<std::vector<std::vector<int>>>(
        rc::gen::container<std::vector<int>>(4, rc::gen::inRange(0, 3)));
    std::vector<Comparison> answers;
    for (const auto& r : raw) {
      answers.push_back({r[0], r[1], r[2], static_cast<Choice>(r[3])});
    }
    for (RaterPairs raters : {RaterPairs::kDifferent, RaterPairs::kSame}) {
      int64_t comparisons = 0;
      int64_t agreements = 0;
      for (size_t i = 0; i < answers.size(); ++i) {
        for (size_t j = 0; j < i; ++j) {
          const Comparison& a = answers[i];
          const Comparison& b = answers[j];
          const bool counts = a.prompt == b.prompt && a.pair == b.pair &&
                              (a.rater == b.rater) == (raters == RaterPairs::kSame) &&
                              a.choice != Choice::kTie && b.choice != Choice::kTie;
          comparisons += counts;
          agreements += counts && a.choice == b.choice;
        }
      }
      const PairAgreement found = pair_agreement(answers, raters, {.resamples = 2});
      RC_ASSERT(found.comparisons == comparisons);
      RC_ASSERT(found.agreements == agreements);
    }
  }));
}

TEST(FlipRate, PublishedAgreements) {
  const std::tuple<double, double, double> rows[] = {{0.65, 0.2261, 0.1303},
                                                     {0.72, 0.1683, 0.0755},
                                                     {0.726, 0.1638, 0.0717},
                                                     {0.773, 0.1305, 0.0467},
                                                     {0.87, 0.0699, 0.0140}};
  for (const auto& [agreement, one, majority] : rows) {
    EXPECT_NEAR(flip_rate(agreement), one, 5e-5);
    EXPECT_NEAR(majority_flip_rate(flip_rate(agreement), 3), majority, 5e-5);
    const double e = flip_rate(agreement);
    EXPECT_NEAR((1 - e) * (1 - e) + e * e, agreement, 1e-12);
  }
  EXPECT_EQ(flip_rate(1.0), 0);
  EXPECT_EQ(flip_rate(0.5), 0.5);
  EXPECT_EQ(flip_rate(0.2), 0.5);
  EXPECT_DOUBLE_EQ(majority_flip_rate(0.2, 1), 0.2);
  EXPECT_NEAR(majority_flip_rate(0.5, 9), 0.5, 1e-12);
}

TEST(FlipRate, OfAnInterval) {
  const Interval noise = flip_rate(Interval{.estimate = 0.72,
                                            .low = 0.7,
                                            .high = 0.74,
                                            .standard_error = 0.01,
                                            .units = 9,
                                            .resamples = 5});
  EXPECT_NEAR(noise.estimate, 0.1683, 5e-5);
  EXPECT_DOUBLE_EQ(noise.low, flip_rate(0.74));
  EXPECT_DOUBLE_EQ(noise.high, flip_rate(0.7));
  EXPECT_NEAR(noise.standard_error, (flip_rate(0.715) - flip_rate(0.725)), 1e-4);
  EXPECT_EQ(noise.units, 9);
}

TEST(ContradictingRows, BothDirectionsBySameAnnotator) {
  const std::vector<PreferenceRow> rows = {
      {"p", "a", "b", ""},    {"p", "b", "a", ""},    {"p", "a", "b", ""},
      {"q", "b", "a", ""},    {"p", "x", "x", ""},    {"p", "a", "c", ""},
      {"p", "a", "b", "kim"}, {"p", "b", "a", "lee"}, {"p", "b", "a", "kim"}};
  EXPECT_EQ(contradicting_rows(rows), (std::vector<int64_t>{1, 0, 1, -1, -1, -1, 8, -1, 6}));
  EXPECT_TRUE(contradicting_rows({}).empty());
}

TEST(ContradictingRowsProperty, IsMutual) {
  EXPECT_TRUE(rc::check("each row's opposite is opposed too, and says the opposite", [] {
    const auto letters = *rc::gen::container<std::vector<std::string>>(
        rc::gen::container<std::string>(4, rc::gen::inRange('a', 'd')));
    std::vector<PreferenceRow> rows;
    for (const std::string& l : letters) {
      const std::string_view v = l;
      rows.push_back({v.substr(0, 1), v.substr(1, 1), v.substr(2, 1), v.substr(3, 1)});
    }
    const auto opposite = contradicting_rows(rows);
    for (size_t i = 0; i < rows.size(); ++i) {
      bool found = false;
      for (const PreferenceRow& other : rows) {
        found = found || (other.prompt == rows[i].prompt && other.annotator == rows[i].annotator &&
                          other.chosen == rows[i].rejected && other.rejected == rows[i].chosen &&
                          other.chosen != other.rejected);
      }
      RC_ASSERT((opposite[i] >= 0) == found);
      if (!found) continue;
      const auto at = static_cast<size_t>(opposite[i]);
      RC_ASSERT((rows[at].chosen == rows[i].rejected && rows[at].rejected == rows[i].chosen));
      RC_ASSERT(opposite[at] >= 0);
    }
  }));
}

}  // namespace
}  // namespace attune::feedback
