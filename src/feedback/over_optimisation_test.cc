#include "feedback/over_optimisation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace attune::feedback {
namespace {

std::vector<RewardPoint> points_of(OptimisedBy by, double start, double a, double b,
                                   const std::vector<double>& distances) {
  std::vector<RewardPoint> points;
  for (double d : distances) {
    const double bent = by == OptimisedBy::kBestOfN ? d : (d > 0 ? std::log(d) : 0);
    points.push_back({d, start + d * (a - b * bent)});
  }
  return points;
}

TEST(OverOptimisation, TheNumbersOfACurveComeBack) {
  for (OptimisedBy by : {OptimisedBy::kReinforcement, OptimisedBy::kBestOfN}) {
    const auto points = points_of(by, 0.3, 1.4, 0.5, {0, 0.4, 0.9, 1.7, 3.1, 6.0});
    const auto fit = fit_optimisation(by, points);
    ASSERT_TRUE(fit);
    EXPECT_NEAR(fit->start, 0.3, 1e-9);
    EXPECT_NEAR(fit->a, 1.4, 1e-9);
    EXPECT_NEAR(fit->b, 0.5, 1e-9);
    EXPECT_NEAR(fit->r_squared, 1, 1e-9);
    for (const RewardPoint& point : points)
      EXPECT_NEAR(fit->at(point.distance), point.reward, 1e-9);
  }
}

// exp(1.4 / 0.5 - 1) = exp(1.8), and 1.4 / (2 * 0.5); no neighbour is higher.
TEST(OverOptimisation, ThePeakIsTheHighestPoint) {
  const OptimisationFit learned{OptimisedBy::kReinforcement, 0.3, 1.4, 0.5, 1};
  EXPECT_NEAR(*learned.peak(), 6.049647464, 1e-8);
  const OptimisationFit sampled{OptimisedBy::kBestOfN, 0.3, 1.4, 0.5, 1};
  EXPECT_NEAR(*sampled.peak(), 1.4, 1e-12);
  for (const OptimisationFit& fit : {learned, sampled}) {
    for (double step : {-0.01, 0.01}) EXPECT_GT(fit.at(*fit.peak()), fit.at(*fit.peak() + step));
  }
  const OptimisationFit rising{OptimisedBy::kReinforcement, 0, 1, -0.1, 1};
  EXPECT_FALSE(rising.peak());
}

TEST(OverOptimisation, NoiseLowersWhatIsExplained) {
  auto points = points_of(OptimisedBy::kReinforcement, 0, 1, 0.4, {0.1, 0.5, 1, 2, 3, 4, 5, 6});
  for (size_t i = 0; i < points.size(); ++i) points[i].reward += i % 2 == 0 ? 0.05 : -0.05;
  const auto fit = fit_optimisation(OptimisedBy::kReinforcement, points);
  ASSERT_TRUE(fit);
  EXPECT_LT(fit->r_squared, 0.999);
  EXPECT_GT(fit->r_squared, 0.9);
  EXPECT_NEAR(fit->a, 1, 0.2);
}

TEST(OverOptimisation, TooLittleIsNoFit) {
  const auto by = OptimisedBy::kReinforcement;
  EXPECT_FALSE(fit_optimisation(by, {}));
  EXPECT_FALSE(fit_optimisation(by, points_of(by, 0, 1, 0.4, {0, 1, 2, 3})));
  EXPECT_FALSE(fit_optimisation(by, points_of(by, 0, 1, 0.4, {0, 0, 1, 1, 2, 2})));
  EXPECT_FALSE(fit_optimisation(by, points_of(by, 0, 1, 0.4, {5, 5.01, 5.02, 5.03, 5.04, 5.05})));
  auto broken = points_of(by, 0, 1, 0.4, {0, 1, 2, 3, 4});
  broken[2].reward = NAN;
  EXPECT_FALSE(fit_optimisation(by, broken));
}

}  // namespace
}  // namespace attune::feedback
