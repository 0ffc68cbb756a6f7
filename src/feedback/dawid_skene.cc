#include "feedback/dawid_skene.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace attune::feedback {
namespace {

double log_or_lowest(double probability) {
  return probability > 0 ? std::log(probability) : -std::numeric_limits<double>::infinity();
}

class Estimate {
 public:
  Estimate(std::span<const Vote> votes, const VoteSpace& space, const DawidSkeneOptions& options)
      : votes_(votes),
        smoothing_(options.smoothing),
        classes_(static_cast<size_t>(space.classes)),
        has_votes_(static_cast<size_t>(space.items), false) {
    found_.posteriors.assign(static_cast<size_t>(space.items), std::vector<double>(classes_, 0.0));
    found_.class_shares.assign(classes_, 0.0);
    found_.confusion.assign(static_cast<size_t>(space.raters),
                            std::vector<std::vector<double>>(classes_,
                                                             std::vector<double>(classes_)));
    start();
  }

  // Class shares and confusion matrices from the posteriors.
  void maximise() {
    std::fill(found_.class_shares.begin(), found_.class_shares.end(), 0.0);
    double items = 0;
    for (size_t i = 0; i < has_votes_.size(); ++i) {
      if (!has_votes_[i]) continue;
      items += 1;
      for (size_t k = 0; k < classes_; ++k) found_.class_shares[k] += found_.posteriors[i][k];
    }
    for (double& share : found_.class_shares) share /= items;
    for (auto& matrix : found_.confusion) {
      for (auto& row : matrix) std::fill(row.begin(), row.end(), smoothing_);
    }
    for (const Vote& vote : votes_) {
      auto& matrix = found_.confusion[static_cast<size_t>(vote.rater)];
      const auto& posterior = found_.posteriors[static_cast<size_t>(vote.item)];
      for (size_t k = 0; k < classes_; ++k) {
        matrix[k][static_cast<size_t>(vote.label)] += posterior[k];
      }
    }
    for (auto& matrix : found_.confusion) {
      for (auto& row : matrix) normalise(row);
    }
  }

  // Posteriors from these; the largest change of one.
  double expect() {
    std::vector<std::vector<double>> logs(has_votes_.size());
    for (size_t i = 0; i < logs.size(); ++i) {
      logs[i].resize(classes_);
      for (size_t k = 0; k < classes_; ++k) logs[i][k] = log_or_lowest(found_.class_shares[k]);
    }
    for (const Vote& vote : votes_) {
      const auto& matrix = found_.confusion[static_cast<size_t>(vote.rater)];
      auto& row = logs[static_cast<size_t>(vote.item)];
      for (size_t k = 0; k < classes_; ++k) {
        row[k] += log_or_lowest(matrix[k][static_cast<size_t>(vote.label)]);
      }
    }
    double change = 0;
    found_.log_likelihood = 0;
    for (size_t i = 0; i < logs.size(); ++i) {
      const double most = *std::max_element(logs[i].begin(), logs[i].end());
      double sum = 0;
      for (double& value : logs[i]) sum += value = std::exp(value - most);
      if (has_votes_[i]) found_.log_likelihood += most + std::log(sum);
      for (size_t k = 0; k < classes_; ++k) {
        const double now = logs[i][k] / sum;
        if (has_votes_[i]) change = std::max(change, std::abs(now - found_.posteriors[i][k]));
        found_.posteriors[i][k] = now;
      }
    }
    return change;
  }

  DawidSkene& found() { return found_; }

 private:
  void start() {
    for (const Vote& vote : votes_) {
      const auto item = static_cast<size_t>(vote.item);
      has_votes_[item] = true;
      found_.posteriors[item][static_cast<size_t>(vote.label)] += 1;
    }
    for (size_t i = 0; i < has_votes_.size(); ++i) normalise(found_.posteriors[i]);
  }

  // To a sum of 1; even where there is nothing.
  static void normalise(std::vector<double>& row) {
    double sum = 0;
    for (const double value : row) sum += value;
    for (double& value : row) {
      value = sum > 0 ? value / sum : 1.0 / static_cast<double>(row.size());
    }
  }

  std::span<const Vote> votes_;
  const double smoothing_;
  const size_t classes_;
  std::vector<bool> has_votes_;
  DawidSkene found_;
};

}  // namespace

Result<DawidSkene> dawid_skene(std::span<const Vote> votes, const VoteSpace& space,
                               const DawidSkeneOptions& options) {
  TRY(check_votes(votes, space));
  if (votes.empty()) return invalid_input("no votes: there is nothing to estimate from");
  if (!(options.smoothing >= 0)) {
    return invalid_input("smoothing is {}: 0 or more", options.smoothing);
  }
  Estimate estimate(votes, space, options);
  DawidSkene& found = estimate.found();
  while (!found.converged && found.iterations < options.iterations_max) {
    estimate.maximise();
    found.converged = estimate.expect() < options.tolerance;
    ++found.iterations;
  }
  return std::move(found);
}

}  // namespace attune::feedback
