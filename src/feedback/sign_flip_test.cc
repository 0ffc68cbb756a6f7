#include "feedback/sign_flip.h"

#include <gtest/gtest.h>

#include "base/json_file.h"
#include "feedback/win_rate.h"
#include "tests/support/test_paths.h"

namespace attune::feedback {
namespace {

TEST(SignFlip, OfSingleChoicesIsACoin) {
  const std::vector<int64_t> split = {1, 1, -1, 1, 0, 1, 1, -1};
  EXPECT_NEAR(sign_flip_p_value(split), fair_coin_p_value(5, 7), 1e-15);
  const std::vector<int64_t> threes = {3, 3, -3, 3};  // four coins, whatever they are worth
  EXPECT_NEAR(sign_flip_p_value(threes), fair_coin_p_value(3, 4), 1e-15);
  const std::vector<int64_t> zeros = {0, 0};
  EXPECT_EQ(sign_flip_p_value(zeros), 1);
  EXPECT_EQ(sign_flip_p_value({}), 1);
}

TEST(SignFlip, ByHand) {
  const std::vector<int64_t> pair = {3, 1};  // sums 4 2 -2 -4
  EXPECT_DOUBLE_EQ(sign_flip_p_value(pair), 0.5);
  const std::vector<int64_t> against = {3, -1};
  EXPECT_DOUBLE_EQ(sign_flip_p_value(against), 1);
  const std::vector<int64_t> even = {2, -1, -1};
  EXPECT_DOUBLE_EQ(sign_flip_p_value(even), 1);
}

TEST(SignFlip, EqualsAnotherImplementation) {
  const Json golden =
      read_json_file(testing::source_path("tests/golden/feedback/sign_flip.json")).value();
  ASSERT_GE(golden["exact"].size(), 5U);
  for (const Json& one : golden["exact"]) {
    const auto differences = one["differences"].get<std::vector<int64_t>>();
    EXPECT_NEAR(sign_flip_p_value(differences), one["p_value"].get<double>(), 1e-12) << one;
  }
  // Too many for every sum: by the normal distribution, close to the exact one.
  for (const Json& one : golden["many"]) {
    std::vector<int64_t> differences;
    for (const Json& run : one["runs"]) {
      differences.insert(differences.end(), run[1].get<size_t>(), run[0].get<int64_t>());
    }
    const auto exact = one["p_value"].get<double>();
    EXPECT_NEAR(sign_flip_p_value(differences), exact, 0.005 * exact) << one;
  }
}

}  // namespace
}  // namespace attune::feedback
