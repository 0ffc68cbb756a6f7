#include "feedback/win_rate.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "base/check.h"

namespace attune::feedback {
namespace {

constexpr double kPriorPrecision = 1e-3;
constexpr int kNewtonStepsMax = 50;
constexpr double kNewtonTolerance = 1e-10;

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

// The number of each pair's prompt, from 0 in the order of first appearance, and how many there
// are.
std::vector<size_t> number_prompts(std::span<const JudgedPair> pairs, size_t& prompts) {
  std::map<int64_t, size_t> numbers;
  std::vector<size_t> of_pair;
  for (const JudgedPair& pair : pairs) {
    of_pair.push_back(numbers.emplace(pair.prompt, numbers.size()).first->second);
  }
  prompts = numbers.size();
  return of_pair;
}

struct Coefficients {
  double theta = 0;
  double phi = 0;
};

// log(1 + e^x) without overflow.
double softplus(double x) {
  return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
}

// A logistic regression of `scores` on a constant and `lengths`, each row counted weights[i] times.
class Regression {
 public:
  Regression(std::vector<double> lengths, std::vector<double> scores)
      : lengths_(std::move(lengths)), scores_(std::move(scores)) {}

  // Newton's method, its step halved until the loss falls; the loss is strictly convex.
  Coefficients fit(std::span<const double> weights) const {
    Coefficients at;
    double here = loss(at, weights);
    for (int step = 0; step < kNewtonStepsMax; ++step) {
      const Coefficients move = newton_step(at, weights);
      double scale = 1;
      Coefficients next{at.theta - move.theta, at.phi - move.phi};
      double there = loss(next, weights);
      while (there > here && scale > kNewtonTolerance) {
        scale /= 2;
        next = {at.theta - scale * move.theta, at.phi - scale * move.phi};
        there = loss(next, weights);
      }
      const double moved = scale * (std::abs(move.theta) + std::abs(move.phi));
      if (there <= here) {
        at = next;
        here = there;
      }
      if (moved < kNewtonTolerance || there > here) break;
    }
    return at;
  }

 private:
  double loss(const Coefficients& at, std::span<const double> weights) const {
    double sum = kPriorPrecision / 2 * (at.theta * at.theta + at.phi * at.phi);
    for (size_t i = 0; i < scores_.size(); ++i) {
      const double logit = at.theta + at.phi * lengths_[i];
      sum += weights[i] * (softplus(logit) - scores_[i] * logit);
    }
    return sum;
  }

  Coefficients newton_step(const Coefficients& at, std::span<const double> weights) const {
    double g0 = kPriorPrecision * at.theta;
    double g1 = kPriorPrecision * at.phi;
    double h00 = kPriorPrecision;
    double h01 = 0;
    double h11 = kPriorPrecision;
    for (size_t i = 0; i < scores_.size(); ++i) {
      const double p = sigmoid(at.theta + at.phi * lengths_[i]);
      const double error = weights[i] * (p - scores_[i]);
      const double curve = weights[i] * p * (1 - p);
      g0 += error;
      g1 += error * lengths_[i];
      h00 += curve;
      h01 += curve * lengths_[i];
      h11 += curve * lengths_[i] * lengths_[i];
    }
    const double determinant = h00 * h11 - h01 * h01;  // positive: the prior is in both
    return {(h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant};
  }

  std::vector<double> lengths_;
  std::vector<double> scores_;
};

// tanh of the differences over their standard deviation; all 0 when every difference is the same,
// which then says nothing about length.
std::vector<double> length_terms(std::span<const JudgedPair> pairs) {
  double mean = 0;
  for (const JudgedPair& pair : pairs) {
    mean += (pair.length - pair.other_length) / static_cast<double>(pairs.size());
  }
  double variance = 0;
  for (const JudgedPair& pair : pairs) {
    const double deviation = pair.length - pair.other_length - mean;
    variance += deviation * deviation / static_cast<double>(pairs.size());
  }
  const double scale = std::sqrt(variance);
  std::vector<double> terms;
  for (const JudgedPair& pair : pairs) {
    terms.push_back(scale > 0 ? std::tanh((pair.length - pair.other_length) / scale) : 0);
  }
  return terms;
}

}  // namespace

WinRate win_rate(std::span<const JudgedPair> pairs, const BootstrapOptions& options) {
  size_t prompts = 0;
  const std::vector<size_t> prompt_of = number_prompts(pairs, prompts);
  std::vector<double> scores(prompts, 0);
  std::vector<double> counts(prompts, 0);
  WinRate result;
  for (size_t i = 0; i < pairs.size(); ++i) {
    scores[prompt_of[i]] += pairs[i].score;
    ++counts[prompt_of[i]];
    ++(pairs[i].score > 0.5 ? result.wins : pairs[i].score < 0.5 ? result.losses : result.ties);
  }
  result.rate = bootstrap_ratio(scores, counts, options);
  return result;
}

LengthControlled length_controlled_win_rate(std::span<const JudgedPair> pairs,
                                            const BootstrapOptions& options) {
  LengthControlled result;
  if (pairs.empty()) return result;
  size_t prompts = 0;
  const std::vector<size_t> prompt_of = number_prompts(pairs, prompts);
  std::vector<double> scores;
  for (const JudgedPair& pair : pairs) scores.push_back(pair.score);
  const Regression regression(length_terms(pairs), std::move(scores));
  std::vector<double> weights(pairs.size(), 1);
  const Coefficients all = regression.fit(weights);
  result.theta = all.theta;
  result.phi = all.phi;
  auto rate = [&](std::span<const int32_t> times) -> std::optional<double> {
    for (size_t i = 0; i < weights.size(); ++i) weights[i] = times[prompt_of[i]];
    return sigmoid(regression.fit(weights).theta);
  };
  result.rate = bootstrap(static_cast<int64_t>(prompts), rate, options);
  return result;
}

double fair_coin_p_value(int64_t k, int64_t n) {
  CHECK(k >= 0 && k <= n, "{} of {}", k, n);
  if (2 * k == n) return 1;
  const int64_t most = std::max(k, n - k);
  const auto count = static_cast<double>(n);
  double tail = 0;  // P(X >= most), from logarithms: 0.5^n itself is 0 from n = 1075
  for (int64_t x = most; x <= n; ++x) {
    const auto wins = static_cast<double>(x);
    tail += std::exp(std::lgamma(count + 1) - std::lgamma(wins + 1) -
                     std::lgamma(count - wins + 1) - count * std::log(2.0));
  }
  return std::min(1.0, 2 * tail);
}

}  // namespace attune::feedback
