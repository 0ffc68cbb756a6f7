#include "feedback/dawid_skene.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace attune::feedback {
namespace {

double log_or_lowest(double probability) {
  return probability > 0 ? std::log(probability) : -std::numeric_limits<double>::infinity();
}

// Posteriors and tables are flat while they are estimated: [items, classes], and
// [raters, said, true], so that a vote reads and writes neighbours.
class Estimate {
 public:
  Estimate(std::span<const Vote> votes, const VoteSpace& space, const DawidSkeneOptions& options)
      : votes_(votes),
        smoothing_(options.smoothing),
        classes_(static_cast<size_t>(space.classes)),
        items_(static_cast<size_t>(space.items)),
        raters_(static_cast<size_t>(space.raters)),
        has_votes_(items_, false),
        posteriors_(items_ * classes_, 0.0),
        logs_(items_ * classes_),
        confusion_(raters_ * classes_ * classes_) {
    found_.class_shares.assign(classes_, 0.0);
    for (const Vote& vote : votes_) {
      has_votes_[static_cast<size_t>(vote.item)] = true;
      row_of(posteriors_, vote)[vote.label] += 1;
    }
    for (size_t i = 0; i < items_; ++i) {
      normalise(std::span(posteriors_).subspan(i * classes_, classes_));
    }
  }

  // Class shares and confusion matrices from the posteriors.
  void maximise() {
    std::fill(found_.class_shares.begin(), found_.class_shares.end(), 0.0);
    double items = 0;
    for (size_t i = 0; i < items_; ++i) {
      if (!has_votes_[i]) continue;
      items += 1;
      for (size_t k = 0; k < classes_; ++k) {
        found_.class_shares[k] += posteriors_[i * classes_ + k];
      }
    }
    for (double& share : found_.class_shares) share /= items;
    std::fill(confusion_.begin(), confusion_.end(), smoothing_);
    for (const Vote& vote : votes_) {
      double* said = said_by(vote);
      const double* posterior = row_of(posteriors_, vote);
      for (size_t k = 0; k < classes_; ++k) said[k] += posterior[k];
    }
    for (size_t rater = 0; rater < raters_; ++rater) normalise_rater(rater);
  }

  // Posteriors from these; the largest change of one.
  double expect() {
    for (size_t k = 0; k < classes_; ++k) {
      const double share = log_or_lowest(found_.class_shares[k]);
      for (size_t i = 0; i < items_; ++i) logs_[i * classes_ + k] = share;
    }
    std::vector<double> probabilities = confusion_;
    for (double& value : confusion_) value = log_or_lowest(value);
    for (const Vote& vote : votes_) {
      const double* said = said_by(vote);
      double* row = row_of(logs_, vote);
      for (size_t k = 0; k < classes_; ++k) row[k] += said[k];
    }
    confusion_ = std::move(probabilities);
    double change = 0;
    found_.log_likelihood = 0;
    for (size_t i = 0; i < items_; ++i) change = std::max(change, take_item(i));
    return change;
  }

  // Whether this was the last step.
  bool step(double tolerance) {
    maximise();
    ++found_.iterations;
    return found_.converged = expect() < tolerance;
  }
  int64_t iterations() const { return found_.iterations; }

  DawidSkene found() && {
    for (size_t i = 0; i < items_; ++i) {
      const double* row = posteriors_.data() + i * classes_;
      found_.posteriors.emplace_back(row, row + classes_);
    }
    found_.confusion.assign(raters_, std::vector<std::vector<double>>(
                                         classes_, std::vector<double>(classes_)));
    for (size_t rater = 0; rater < raters_; ++rater) {
      for (size_t k = 0; k < classes_; ++k) {
        for (size_t l = 0; l < classes_; ++l) found_.confusion[rater][k][l] = cell(rater, k, l);
      }
    }
    return std::move(found_);
  }

 private:
  double* row_of(std::vector<double>& table, const Vote& vote) {
    return table.data() + static_cast<size_t>(vote.item) * classes_;
  }
  double* said_by(const Vote& vote) {
    return confusion_.data() + (static_cast<size_t>(vote.rater) * classes_ +
                                static_cast<size_t>(vote.label)) * classes_;
  }
  double& cell(size_t rater, size_t truth, size_t said) {
    return confusion_[(rater * classes_ + said) * classes_ + truth];
  }

  // The posterior of an item from its logs; its largest change.
  double take_item(size_t i) {
    const std::span<double> logs = std::span(logs_).subspan(i * classes_, classes_);
    const double most = *std::max_element(logs.begin(), logs.end());
    double sum = 0;
    for (double& value : logs) sum += value = std::exp(value - most);
    if (has_votes_[i]) found_.log_likelihood += most + std::log(sum);
    double change = 0;
    for (size_t k = 0; k < classes_; ++k) {
      double& posterior = posteriors_[i * classes_ + k];
      const double now = logs[k] / sum;
      if (has_votes_[i]) change = std::max(change, std::abs(now - posterior));
      posterior = now;
    }
    return change;
  }

  // To a sum of 1; even where there is nothing.
  static void normalise(std::span<double> row) {
    double sum = 0;
    for (const double value : row) sum += value;
    for (double& value : row) {
      value = sum > 0 ? value / sum : 1.0 / static_cast<double>(row.size());
    }
  }
  void normalise_rater(size_t rater) {
    std::vector<double> row(classes_);
    for (size_t k = 0; k < classes_; ++k) {
      for (size_t l = 0; l < classes_; ++l) row[l] = cell(rater, k, l);
      normalise(row);
      for (size_t l = 0; l < classes_; ++l) cell(rater, k, l) = row[l];
    }
  }

  std::span<const Vote> votes_;
  const double smoothing_;
  const size_t classes_, items_, raters_;
  std::vector<bool> has_votes_;
  std::vector<double> posteriors_, logs_, confusion_;
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
  while (estimate.iterations() < options.iterations_max && !estimate.step(options.tolerance)) {
  }
  return std::move(estimate).found();
}

}  // namespace attune::feedback
