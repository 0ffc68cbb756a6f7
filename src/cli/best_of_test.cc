#include "cli/best_of.h"

#include <gtest/gtest.h>

namespace attune::cli {
namespace {

using Kept = std::vector<size_t>;

TEST(BestOf, KeepsTheBestAndOfEqualsTheFirst) {
  EXPECT_EQ(kept_answers({0.5, 2.0, -1.0}, {}), Kept({1}));
  EXPECT_EQ(kept_answers({1.0, 3.0, 3.0}, {}), Kept({1}));
  EXPECT_EQ(kept_answers({-5.0}, {}), Kept({0}));
}

TEST(BestOf, AThresholdKeepsAllThatReachItBestFirst) {
  EXPECT_EQ(kept_answers({0.5, 2.0, 1.0, 2.0}, 1.0), Kept({1, 3, 2}));
  EXPECT_EQ(kept_answers({0.5, 0.7}, 1.0), Kept());
  EXPECT_EQ(kept_answers({-2.0, -3.0}, -2.0), Kept({0}));
}

}  // namespace
}  // namespace attune::cli
