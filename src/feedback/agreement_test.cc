#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>

#include "feedback/kappa.h"
#include "feedback/krippendorff.h"
#include "feedback/ranking_agreement.h"

namespace attune::feedback {
namespace {

constexpr double kNone = NAN;

// Krippendorff's example of 4 observers and 12 items; by item.
const NumberAnswers& krippendorffs_example() {
  static const NumberAnswers items = {
      {1, 1, kNone, 1}, {2, 2, 3, 2},     {3, 3, 3, 3},         {3, 3, 3, 3},
      {2, 2, 2, 2},     {1, 2, 3, 4},     {4, 4, 4, 4},         {1, 1, 2, 1},
      {2, 2, 2, 2},     {kNone, 5, 5, 5}, {kNone, kNone, 1, 1}, {kNone, 3, kNone, kNone}};
  return items;
}

TEST(Krippendorff, PublishedExample) {
  const std::pair<Metric, double> published[] = {{Metric::kNominal, 0.743421},
                                                 {Metric::kOrdinal, 0.815388},
                                                 {Metric::kInterval, 0.849107},
                                                 {Metric::kRatio, 0.797403}};
  for (const auto& [metric, value] : published) {
    const Alpha alpha = krippendorff_alpha(krippendorffs_example(), metric);
    EXPECT_NEAR(alpha.value.value(), value, 5e-7);
    EXPECT_EQ(alpha.items, 11);
    EXPECT_EQ(alpha.answers, 40);
  }
}

TEST(Krippendorff, WithoutVariationThereIsNoValue) {
  for (Metric metric : {Metric::kNominal, Metric::kOrdinal, Metric::kInterval, Metric::kRatio}) {
    const Alpha same = krippendorff_alpha({{0.1, 0.1, 0.1}, {0.1, 0.1}}, metric);
    EXPECT_FALSE(same.value.has_value());
    EXPECT_EQ(same.items, 2);
    const Alpha nobody = krippendorff_alpha({{1}, {kNone, 2}, {}}, metric);
    EXPECT_FALSE(nobody.value.has_value());
    EXPECT_EQ(nobody.items, 0);
    EXPECT_FALSE(krippendorff_interval({{1, 1}}, metric).has_value());
    EXPECT_FALSE(krippendorff_interval({}, metric).has_value());
  }
}

TEST(Krippendorff, LargeValuesLoseNoDigits) {
  const NumberAnswers small = {{1, 2}, {2, 2}, {5, 4}, {1, 1}};
  NumberAnswers large = small;
  for (auto& item : large) {
    for (double& value : item) value += 1e9;
  }
  EXPECT_NEAR(krippendorff_alpha(large, Metric::kInterval).value.value(),
              krippendorff_alpha(small, Metric::kInterval).value.value(), 1e-9);
}

TEST(Krippendorff, TheIntervalIsSeeded) {
  const auto a = krippendorff_interval(krippendorffs_example(), Metric::kOrdinal, {.seed = 4});
  const auto b = krippendorff_interval(krippendorffs_example(), Metric::kOrdinal, {.seed = 4});
  const auto c = krippendorff_interval(krippendorffs_example(), Metric::kOrdinal, {.seed = 5});
  EXPECT_EQ(a->low, b->low);
  EXPECT_EQ(a->high, b->high);
  EXPECT_NE(a->low, c->low);
  EXPECT_LT(a->low, a->estimate);
  EXPECT_LT(a->estimate, a->high);
  EXPECT_EQ(a->units, 11);
}

TEST(KrippendorffProperty, OrderAndMissingAnswersDoNotMatter) {
  EXPECT_TRUE(rc::check("rotated answers, shuffled items, NaN anywhere", [] {
    NumberAnswers items;
    for (const auto& item : *rc::gen::container<std::vector<std::vector<int>>>(
             rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 4)))) {
      items.emplace_back(item.begin(), item.end());
    }
    NumberAnswers other = items;
    std::reverse(other.begin(), other.end());
    for (auto& item : other) {
      std::reverse(item.begin(), item.end());
      item.insert(item.begin(), kNone);
    }
    other.push_back({3});
    for (Metric metric : {Metric::kNominal, Metric::kOrdinal, Metric::kInterval, Metric::kRatio}) {
      const Alpha a = krippendorff_alpha(items, metric);
      const Alpha b = krippendorff_alpha(other, metric);
      RC_ASSERT(a.value.has_value() == b.value.has_value());
      RC_ASSERT(a.answers == b.answers);
      if (a.value) RC_ASSERT(std::abs(*a.value - *b.value) < 1e-9);
      if (a.value) RC_ASSERT(*a.value <= 1 + 1e-12);
    }
  }));
}

TEST(Masi, Distances) {
  EXPECT_DOUBLE_EQ(masi_distance({1, 2}, {1, 2}), 0);
  EXPECT_DOUBLE_EQ(masi_distance({}, {}), 0);
  EXPECT_DOUBLE_EQ(masi_distance({1}, {1, 2}), 1 - 0.5 * 2 / 3);
  EXPECT_DOUBLE_EQ(masi_distance({1, 2}, {2, 3}), 1 - 1.0 / 9);
  EXPECT_DOUBLE_EQ(masi_distance({1}, {2}), 1);
  EXPECT_DOUBLE_EQ(masi_distance({}, {2}), 1);
}

TEST(Kappa, TextbookTable) {
  std::vector<int> a;
  std::vector<int> b;
  const int cells[2][2] = {{20, 5}, {10, 15}};
  for (int i : {0, 1}) {
    for (int j : {0, 1}) {
      a.insert(a.end(), static_cast<size_t>(cells[i][j]), i);
      b.insert(b.end(), static_cast<size_t>(cells[i][j]), j);
    }
  }
  a.push_back(kNoAnswer);
  b.push_back(1);
  const Kappa kappa = cohen_kappa(a, b, 2).value();
  EXPECT_NEAR(kappa.value.value(), 0.4, 1e-12);
  EXPECT_NEAR(kappa.observed, 0.7, 1e-12);
  EXPECT_NEAR(kappa.expected, 0.5, 1e-12);
  EXPECT_EQ(kappa.items, 50);
  // With two categories every weight is 0 or 1: the forms agree.
  EXPECT_NEAR(cohen_kappa(a, b, 2, KappaWeights::kLinear).value().value.value(), 0.4, 1e-12);
}

TEST(Kappa, FleissTable) {
  const std::vector<std::vector<int64_t>> counts = {
      {0, 0, 0, 0, 14}, {0, 2, 6, 4, 2}, {0, 0, 3, 5, 6}, {0, 3, 9, 2, 0}, {2, 2, 8, 1, 1},
      {7, 7, 0, 0, 0},  {3, 2, 6, 3, 0}, {2, 5, 3, 2, 2}, {6, 5, 2, 1, 0}, {0, 2, 2, 3, 7}};
  EXPECT_NEAR(fleiss_kappa(counts).value().value.value(), 0.209931, 5e-7);
}

TEST(Kappa, WithoutVariationThereIsNoValue) {
  EXPECT_FALSE(cohen_kappa(std::vector{1, 1}, std::vector{1, 1}, 3).value().value.has_value());
  EXPECT_FALSE(cohen_kappa(std::vector<int>(), std::vector<int>(), 3).value().value.has_value());
  EXPECT_FALSE(fleiss_kappa({{0, 3}, {0, 3}, {0, 3}}).value().value.has_value());
  EXPECT_FALSE(fleiss_kappa({}).value().value.has_value());
}

TEST(Kappa, MistakesAreNamed) {
  auto message = [](const auto& result) { return result.error().message(); };
  EXPECT_EQ(message(cohen_kappa(std::vector{1}, std::vector{1, 2}, 3)),
            "one rater has 1 answers, the other 2");
  EXPECT_EQ(message(cohen_kappa(std::vector{0, 3}, std::vector{0, 1}, 3)),
            "item 1 has category 3; there are 3");
  EXPECT_EQ(message(cohen_kappa(std::vector{-2}, std::vector{0}, 3)),
            "item 0 has category -2; there are 3");
  EXPECT_EQ(message(fleiss_kappa({{1, 0}})), "item 0 has 1 answers; agreement needs two");
  EXPECT_NE(message(fleiss_kappa({{1, 1}, {2, 1}})).find("item 1 has 3 answers"),
            std::string::npos);
  EXPECT_EQ(message(fleiss_kappa({{1, 1}, {2}})), "item 1 has 1 categories, item 0 has 2");
  EXPECT_EQ(message(fleiss_kappa({{3, 1}, {5, -1}})), "item 1 has a count of -1");
}

TEST(Kendall, TextbookValues) {
  const auto tau = [](std::vector<double> a, std::vector<double> b) { return kendall_tau_b(a, b); };
  EXPECT_NEAR(*tau({1, 2, 2, 4, 5}, {1, 3, 2, 5, 5}), 0.888889, 5e-7);
  EXPECT_NEAR(*tau({1, 2, 3, 4}, {2, 1, 3, 4}), 0.666667, 5e-7);
  EXPECT_NEAR(*tau({1, 2, 3, kNone}, {3, 2, 1, 4}), -1, 1e-12);
  EXPECT_FALSE(tau({1, 1, 1}, {1, 2, 3}).has_value());
  const auto distance = [](std::vector<double> a, std::vector<double> b) {
    return kendall_distance(a, b);
  };
  EXPECT_NEAR(*distance({1, 2, 3, 4}, {4, 3, 2, 1}), 1, 1e-12);
  EXPECT_NEAR(*distance({1, 2, 3}, {1, 2, 2}), 0.5 / 3, 1e-12);
  EXPECT_NEAR(*distance({1, 1, 1}, {1, 1, 1}), 0, 1e-12);
  EXPECT_FALSE(distance({1, kNone}, {kNone, 1}).has_value());
}

TEST(Kendall, Concordance) {
  const Concordance found = kendall_w({{1, 2, 3, 4}, {2, 1, 3, 4}, {1, 3, 2, 4}}).value();
  EXPECT_NEAR(found.rank_deviation, 35, 1e-12);
  EXPECT_NEAR(found.w.value(), 0.777778, 5e-7);
  EXPECT_NEAR(found.chi_squared, 7, 1e-12);
  EXPECT_FALSE(kendall_w({{1, 1}, {2, 2}}).value().w.has_value());
  EXPECT_FALSE(kendall_w({{1, 2}}).ok());
  EXPECT_FALSE(kendall_w({{1, 2}, {1, 2, 3}}).ok());
  EXPECT_FALSE(kendall_w({{1, 2}, {1, kNone}}).ok());
}

TEST(RankingAlpha, ByHand) {
  // Item 0: distances 0, 1/3, 1/3 (mean 2/9); item 1: one pair, 1/3; item 2 does not count.
  const RankingAnswers rankings = {
      {{1, 2, 3}, {1, 2, 3}, {1, 3, 2}}, {{1, 2, 3}, {2, 1, 3}}, {{1, 2, 3}}};
  const double observed = (3 * 2.0 / 9 + 2 * 1.0 / 3) / 5;
  const Alpha alpha = ranking_alpha(rankings, RankingExpectation::kExchangeable).value();
  EXPECT_NEAR(alpha.observed, observed, 1e-12);
  EXPECT_NEAR(alpha.value.value(), 1 - observed / 0.5, 1e-12);
  EXPECT_EQ(alpha.items, 2);
  EXPECT_EQ(alpha.answers, 5);
  // Pooled: 123 three times, 132 and 213 once; of 20 ordered pairs 12 are 1/3 and 2 are 2/3 apart.
  const Alpha pooled = ranking_alpha(rankings, RankingExpectation::kPooled).value();
  EXPECT_NEAR(pooled.expected, (12.0 / 3 + 2 * 2.0 / 3) / 20, 1e-12);
  const auto interval = ranking_alpha_interval(rankings, {.seed = 1}).value();
  EXPECT_NEAR(interval->estimate, *alpha.value, 1e-12);
  EXPECT_LT(interval->low, interval->high);
}

TEST(RankingAlpha, SizesAreChecked) {
  const RankingAnswers mixed = {{{1, 2}, {2, 1}}, {{1, 2, 3}, {1, 2, 3}}};
  EXPECT_TRUE(ranking_alpha(mixed, RankingExpectation::kExchangeable).ok());
  EXPECT_FALSE(ranking_alpha(mixed, RankingExpectation::kPooled).ok());
  EXPECT_FALSE(ranking_alpha({{{1, 2}, {1, 2, 3}}}, RankingExpectation::kExchangeable).ok());
  EXPECT_FALSE(ranking_alpha({}, RankingExpectation::kPooled).value().value.has_value());
}

}  // namespace
}  // namespace attune::feedback
