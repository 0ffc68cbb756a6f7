#include "feedback/calibration.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace attune::feedback {
namespace {


double sigmoid(double x) {
  return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
}

// -y log p - (1 - y) log(1 - p); a certainty that was wrong costs what a double can say.
double log_loss(double p, double y) {
  constexpr double kLeast = 1e-300;
  double loss = 0;
  if (y > 0) loss -= y * std::log(std::max(p, kLeast));
  if (y < 1) loss -= (1 - y) * std::log(std::max(1 - p, kLeast));
  return loss;
}

}  // namespace

std::optional<Calibration> calibration(std::span<const double> probabilities,
                                       std::span<const double> answers, int bins) {
  CHECK(probabilities.size() == answers.size() && bins > 0, "{} probabilities, {} answers, {} bins",
        probabilities.size(), answers.size(), bins);
  if (probabilities.empty()) return std::nullopt;
  Calibration result;
  result.bins.resize(static_cast<size_t>(bins));
  const double width = 0.5 / bins;
  for (int bin = 0; bin < bins; ++bin) {
    result.bins[static_cast<size_t>(bin)].low = 0.5 + width * bin;
    result.bins[static_cast<size_t>(bin)].high = 0.5 + width * (bin + 1);
  }
  const auto total = static_cast<double>(probabilities.size());
  for (size_t i = 0; i < probabilities.size(); ++i) {
    const double p = probabilities[i];
    const double y = answers[i];
    result.brier += (p - y) * (p - y) / total;
    result.nll += log_loss(p, y) / total;
    const double confidence = std::max(p, 1 - p);
    const int bin = std::min(bins - 1, static_cast<int>((confidence - 0.5) / width));
    CalibrationBin& into = result.bins[static_cast<size_t>(bin)];
    ++into.count;
    into.confidence += confidence;
    into.accuracy += p >= 0.5 ? y : 1 - y;
  }
  for (CalibrationBin& bin : result.bins) {
    if (bin.count == 0) continue;
    const auto count = static_cast<double>(bin.count);
    bin.confidence /= count;
    bin.accuracy /= count;
    result.ece += count / total * std::abs(bin.accuracy - bin.confidence);
  }
  return result;
}

std::vector<double> preference_probabilities(std::span<const double> differences,
                                             double temperature) {
  std::vector<double> probabilities;
  for (double difference : differences) probabilities.push_back(sigmoid(difference / temperature));
  return probabilities;
}

std::optional<double> fit_temperature(std::span<const double> differences,
                                      std::span<const double> answers) {
  CHECK(differences.size() == answers.size(), "{} differences, {} answers", differences.size(),
        answers.size());
  const auto is_zero = [](double difference) { return difference == 0; };
  if (std::all_of(differences.begin(), differences.end(), is_zero)) return std::nullopt;
  // The NLL is convex in s = 1 / t with the slope mean d (sigmoid(s d) - y): its root by bisection.
  const auto slope = [&](double s) {
    double sum = 0;
    for (size_t i = 0; i < differences.size(); ++i) {
      sum += differences[i] * (sigmoid(s * differences[i]) - answers[i]);
    }
    return sum;
  };
  constexpr double kLeast = 1e-3, kMost = 1e3;
  double low = std::log(1 / kMost), high = std::log(1 / kLeast);
  if (slope(std::exp(low)) >= 0) return kMost;
  if (slope(std::exp(high)) <= 0) return kLeast;
  constexpr int kHalvings = 100;
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = (low + high) / 2;
    (slope(std::exp(middle)) < 0 ? low : high) = middle;
  }
  return std::exp(-(low + high) / 2);
}

}  // namespace attune::feedback
