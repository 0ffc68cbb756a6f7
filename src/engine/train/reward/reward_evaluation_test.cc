// What scores on judged rows are worth, from rows whose numbers can be counted by hand.
#include "engine/train/reward/reward_evaluation.h"

#include <gtest/gtest.h>

namespace attune::engine::train {
namespace {

TreeRow pair(std::vector<int32_t> chosen, std::vector<int32_t> rejected, std::string annotator) {
  TreeRow row;
  row.tree = {{1}, {{std::move(chosen), 0}, {std::move(rejected), 0}}};
  row.ranks = {1, 2};
  row.annotator = std::move(annotator);
  return row;
}

RewardEvaluation evaluate(const std::vector<TreeRow>& rows,
                          const std::vector<std::vector<double>>& scores) {
  std::vector<const TreeRow*> pointers;
  for (const TreeRow& row : rows) pointers.push_back(&row);
  return evaluate_rewards(pointers, scores);
}

TEST(RewardEvaluationTest, EveryOrderedPairOfARankingCounts) {
  TreeRow row;
  row.form = data::Form::kRanking;
  row.tree = {{1}, {{{5, 5, 2}, 0}, {{6, 2}, 0}, {{7, 2}, 0}, {{8, 8, 8, 2}, 0}}};
  row.ranks = {2, 1, 3, 2};
  const RewardEvaluation result = evaluate({row}, {{0.5, 1.0, -1.0, 2.0}});
  EXPECT_EQ(result.pairs.all.pairs, 5);  // six pairs, one of them tied
  EXPECT_EQ(result.pairs.all.right, 4);  // rank 1 is scored below the last answer
  EXPECT_EQ(result.pairs.by_rank_gap.at(2).pairs, 1);
  EXPECT_EQ(result.least, -1);
  EXPECT_EQ(result.most, 2);
  EXPECT_EQ(result.mean, 0.625);
  EXPECT_EQ(result.pairs.interval->units, 1);
}

TEST(RewardEvaluationTest, RewardsThatFollowLengthShowIt) {
  const RewardEvaluation result =
      evaluate({pair({5, 5, 5, 2}, {6, 2}, ""), pair({7, 2}, {8, 8, 8, 2}, "")}, {{2, 1}, {1, 2}});
  EXPECT_NEAR(*result.length_correlation, 1, 1e-12);
  EXPECT_EQ(result.pairs.longer_preferred.value(), 1.0);
  EXPECT_EQ(result.pairs.shorter_preferred.value(), 0.0);
  EXPECT_EQ(result.metrics().at("accuracy_shorter_preferred"), 0);
  EXPECT_EQ(result.metrics().at("accuracy"), 0.5);
}

// Three people judge the same two answers, in any order of columns; one of them differs.
TEST(RewardEvaluationTest, PeoplesOwnAgreementStandsBeside) {
  const std::vector<int32_t> a = {5, 2}, b = {6, 2};
  const std::vector<TreeRow> rows = {pair(a, b, "ann"), pair(a, b, "bo"), pair(b, a, "cy")};
  const RewardEvaluation result = evaluate(rows, {{1, 0}, {1, 0}, {0, 1}});
  EXPECT_EQ(result.people.comparisons, 3);
  EXPECT_EQ(result.people.agreements, 1);
  EXPECT_NEAR(result.metrics().at("human_agreement"), 1.0 / 3, 1e-12);
  EXPECT_EQ(result.pairs.by_annotator.at("cy").value(), 0.0);
  const OrderedJson json = to_json(result);
  EXPECT_EQ(json["people"]["comparisons"], 3);
  EXPECT_EQ(json["preferences"]["by_annotator"]["ann"]["accuracy"], 1.0);
}

TEST(RewardEvaluationTest, WithoutRepeatedJudgementsNobodyAgrees) {
  const RewardEvaluation result = evaluate({pair({5, 2}, {6, 2}, "ann")}, {{1, 0}});
  EXPECT_EQ(result.people.comparisons, 0);
  EXPECT_FALSE(result.metrics().contains("human_agreement"));
}

}  // namespace
}  // namespace attune::engine::train
