#include "base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace attune {
namespace {

TEST(Random, ASavedStateContinuesTheStream) {
  Random a(42);
  for (int i = 0; i < 10; ++i) a.next();
  Random b(a.state());
  for (int i = 0; i < 10; ++i) EXPECT_EQ(a.next(), b.next());
}

// First outputs of xoshiro256** from the state {1, 2, 3, 4}, as in the authors' reference code.
TEST(Random, MatchesTheReferenceSequence) {
  Random r(Random::State{1, 2, 3, 4});
  for (uint64_t expected : {11520ULL, 0ULL, 1509978240ULL, 1215971899390074240ULL}) {
    EXPECT_EQ(r.next(), expected);
  }
}

TEST(Random, StreamsDiffer) {
  EXPECT_NE(Random(1, 1).next(), Random(1, 2).next());
  EXPECT_EQ(Random(1, 2).next(), Random(1, 2).next());
}

TEST(Random, BelowIsUniform) {
  Random r(7);
  std::array<int, 6> counts{};
  for (int i = 0; i < 60000; ++i) ++counts[r.below(6)];
  for (int count : counts) EXPECT_NEAR(count, 10000, 500);
}

TEST(Random, NormalHasUnitVariance) {
  Random r(3);
  double sum = 0, squares = 0;
  for (int i = 0; i < 100000; ++i) {
    double x = r.normal();
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / 1e5, 0.0, 0.02);
  EXPECT_NEAR(squares / 1e5, 1.0, 0.02);
}

TEST(Random, PermutationHoldsEachIndexOnce) {
  std::vector<int64_t> order = Random(5).permutation(100);
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  std::sort(order.begin(), order.end());
  for (int64_t i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

}  // namespace
}  // namespace attune
