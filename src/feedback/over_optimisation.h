// How a reward moves as a policy is optimised against it (Gao, Schulman and Hilton 2022, "Scaling
// laws for reward model overoptimization", arXiv 2210.10760): with the distance from where the
// policy began, d = sqrt(KL(policy || start)) in nats,
//
//   reinforcement learning   R(d) = R0 + d (a - b ln d)
//   best of n                R(d) = R0 + d (a - b d)
//
// The paper sets R0 to zero by subtracting the start's reward; here it is fitted. With b > 0 the
// curve has a highest point: beyond it the proxy is over-optimised. Pure functions; thread-safe.
#pragma once

#include <optional>
#include <span>

namespace attune::feedback {

enum class OptimisedBy { kReinforcement, kBestOfN };

struct RewardPoint {
  double distance = 0;  // d, not negative
  double reward = 0;
};

struct OptimisationFit {
  OptimisedBy by = OptimisedBy::kReinforcement;
  double start = 0;  // R0
  double a = 0;
  double b = 0;
  double r_squared = 0;  // share of the rewards' variance that the curve explains

  double at(double distance) const;
  // The distance of the highest reward: exp(a / b - 1), or a / 2b. Nothing where the curve has no
  // highest point.
  std::optional<double> peak() const;
};

// Fewer points than this fit any such curve.
inline constexpr size_t kFitPoints = 5;

// By least squares. Nothing where fewer than kFitPoints are given, or where they do not tell the
// three numbers apart: fewer than four distances, or all of them within a tenth of the largest.
std::optional<OptimisationFit> fit_optimisation(OptimisedBy by,
                                                std::span<const RewardPoint> points);

}  // namespace attune::feedback
