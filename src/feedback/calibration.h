// Whether a model's confidence in its preferences can be believed. A reward model says with
// probability p = sigmoid(d / t) that the first of two answers is better, d the difference of its
// scores; people's answer y is 1, 0, or between (soft labels, ties). Confidence c = max(p, 1 - p).
//
//   ECE = sum over bins n_b / n |accuracy_b - confidence_b|   (Naeini et al. 2015; Guo et al. 2017)
//   Brier = mean (p - y)^2        NLL = mean [-y log p - (1 - y) log(1 - p)]
//
// The temperature t is fitted by NLL (Guo et al. 2017). Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace attune::feedback {

struct CalibrationBin {
  double low = 0;  // confidence in [low, high), the last bin with its end
  double high = 0;
  int64_t count = 0;
  double confidence = 0;  // mean
  double accuracy = 0;    // mean share of people on the model's side
};

struct Calibration {
  double ece = 0;
  double brier = 0;
  double nll = 0;
  std::vector<CalibrationBin> bins;  // equal widths over [0.5, 1]
};

// Of probabilities and people's answers, both in [0, 1]; nothing when there are none. CHECKs the
// sizes.
std::optional<Calibration> calibration(std::span<const double> probabilities,
                                       std::span<const double> answers, int bins = 10);

// sigmoid(d / t) of each difference.
std::vector<double> preference_probabilities(std::span<const double> differences,
                                             double temperature = 1);

// The temperature of least NLL in [1e-3, 1e3] (the ends when people always, or never more than by
// chance, agree); nothing when there are no answers or all differences are zero.
std::optional<double> fit_temperature(std::span<const double> differences,
                                      std::span<const double> answers);

}  // namespace attune::feedback
