#include "feedback/over_optimisation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

namespace attune::feedback {
namespace {

constexpr size_t kTerms = 3;
using Terms = std::array<double, kTerms>;

// What R0, a and b are multiplied by.
Terms terms_at(OptimisedBy by, double d) {
  if (by == OptimisedBy::kBestOfN) return {1, d, -d * d};
  return {1, d, d > 0 ? -d * std::log(d) : 0.0};
}

// Solves the symmetric equations by elimination with pivots; nothing where they are singular.
std::optional<Terms> solve(std::array<Terms, kTerms> matrix, Terms right) {
  for (size_t column = 0; column < kTerms; ++column) {
    size_t pivot = column;
    for (size_t row = column; row < kTerms; ++row) {
      if (std::abs(matrix[row][column]) > std::abs(matrix[pivot][column])) pivot = row;
    }
    if (std::abs(matrix[pivot][column]) < 1e-12) return std::nullopt;
    std::swap(matrix[pivot], matrix[column]);
    std::swap(right[pivot], right[column]);
    for (size_t row = column + 1; row < kTerms; ++row) {
      const double factor = matrix[row][column] / matrix[column][column];
      for (size_t k = column; k < kTerms; ++k) matrix[row][k] -= factor * matrix[column][k];
      right[row] -= factor * right[column];
    }
  }
  Terms solution{};
  for (size_t row = kTerms; row-- > 0;) {
    double rest = right[row];
    for (size_t k = row + 1; k < kTerms; ++k) rest -= matrix[row][k] * solution[k];
    solution[row] = rest / matrix[row][row];
  }
  return solution;
}

bool tells_apart(std::span<const RewardPoint> points) {
  if (points.size() < kFitPoints) return false;
  std::set<double> distances;
  for (const RewardPoint& point : points) {
    if (!std::isfinite(point.distance) || !std::isfinite(point.reward)) return false;
    distances.insert(point.distance);
  }
  return distances.size() > kTerms && *distances.begin() >= 0 &&
         *distances.begin() < 0.9 * *distances.rbegin();
}

double explained(const OptimisationFit& fit, std::span<const RewardPoint> points) {
  double mean = 0;
  for (const RewardPoint& point : points) mean += point.reward / static_cast<double>(points.size());
  double all = 0;
  double left = 0;
  for (const RewardPoint& point : points) {
    all += (point.reward - mean) * (point.reward - mean);
    left += std::pow(point.reward - fit.at(point.distance), 2);
  }
  return all > 0 ? 1 - left / all : 1;
}

}  // namespace

double OptimisationFit::at(double distance) const {
  const Terms terms = terms_at(by, distance);
  return start * terms[0] + a * terms[1] + b * terms[2];
}

std::optional<double> OptimisationFit::peak() const {
  if (b <= 0) return std::nullopt;
  const double at = by == OptimisedBy::kBestOfN ? a / (2 * b) : std::exp(a / b - 1);
  return at > 0 && std::isfinite(at) ? std::optional(at) : std::nullopt;
}

std::optional<OptimisationFit> fit_optimisation(OptimisedBy by,
                                                std::span<const RewardPoint> points) {
  if (!tells_apart(points)) return std::nullopt;
  std::array<Terms, kTerms> matrix{};
  Terms right{};
  for (const RewardPoint& point : points) {
    const Terms terms = terms_at(by, point.distance);
    for (size_t i = 0; i < kTerms; ++i) {
      right[i] += terms[i] * point.reward;
      for (size_t j = 0; j < kTerms; ++j) matrix[i][j] += terms[i] * terms[j];
    }
  }
  const auto solved = solve(matrix, right);
  if (!solved) return std::nullopt;
  OptimisationFit fit{by, (*solved)[0], (*solved)[1], (*solved)[2], 0};
  fit.r_squared = explained(fit, points);
  return fit;
}

}  // namespace attune::feedback
