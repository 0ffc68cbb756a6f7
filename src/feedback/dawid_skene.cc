#include "feedback/dawid_skene.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "feedback/log_sum.h"
#include "feedback/squared_steps.h"
#include "feedback/vote_patterns.h"

namespace attune::feedback {
namespace {

// Long steps are taken where no probability of an item moves by more, and by less with each plain
// step: which maximum of the likelihood is climbed is decided by plain ones.
constexpr double kSettled = 1e-3;
constexpr double kSmallestSum = 1e-250;  // a product below has lost digits
// Of a class beside the likeliest so far: one that becomes 0 could not come back, whatever the
// votes that follow say.
constexpr double kSmallestWeight = 1e-200;

// Class shares [classes], then the confusion matrices [rater, said, true], so that a vote reads and
// writes neighbours. Both as probabilities, or as the counts that they come from.
using Point = SquaredSteps::Point;

struct Pass {
  double log_likelihood = 0;
  double objective = 0;  // with what smoothing adds: plain steps raise this
  double change = 0;     // the largest of a posterior since the pass before
};

// To a sum of 1, `apart` from each other; even where there is nothing.
void normalise(double* first, size_t count, size_t apart) {
  double sum = 0;
  for (size_t i = 0; i < count; ++i) sum += first[i * apart];
  for (size_t i = 0; i < count; ++i) {
    double& value = first[i * apart];
    value = sum > 0 ? value / sum : 1.0 / static_cast<double>(count);
  }
}

class Model {
 public:
  Model(const VotePatterns& patterns, double smoothing)
      : patterns_(patterns),
        classes_(patterns.classes),
        smoothing_(smoothing),
        posteriors_(patterns.size() * classes_, 0.0),
        weights_(classes_) {}

  std::span<const double> posteriors() const { return posteriors_; }

  // From the shares of votes.
  Point start() {
    Point point(classes_ + patterns_.cell_count() * classes_, 0.0);
    for (size_t p = 0; p < patterns_.size(); ++p) {
      const auto cells = patterns_.cells_of(p);
      double* posterior = posteriors_.data() + p * classes_;
      for (const VoteCell cell : cells) posterior[cell % classes_] += 1;
      normalise(posterior, classes_, 1);
      for (size_t k = 0; k < classes_; ++k) {
        const double mass = patterns_.items[p] * posterior[k];
        point[k] += mass;
        for (const VoteCell cell : cells) point[(cell + size_t{1}) * classes_ + k] += mass;
      }
    }
    to_probabilities(point);
    return point;
  }

  // Posteriors at `point`, and the shares and confusion matrices that they give.
  Pass pass(const Point& point, Point& next) {
    next.assign(point.size(), 0.0);
    Pass found = with_classes(classes_, [&](auto classes) {
      return pass_of<classes()>(point, next);
    });
    to_probabilities(next);
    found.objective = found.log_likelihood;
    for (size_t at = classes_; smoothing_ > 0 && at < point.size(); ++at) {
      found.objective += smoothing_ * std::log(point[at]);
    }
    return found;
  }

  // What a long step made negative, or nearly, becomes a tenth of the plain step's.
  void repair(Point& point, const Point& plain) const {
    for (size_t i = 0; i < point.size(); ++i) point[i] = std::max(point[i], 0.1 * plain[i]);
    normalise_all(point);
  }

 private:
  template <size_t kClasses>
  Pass pass_of(const Point& point, Point& next) {
    const size_t classes = kClasses > 0 ? kClasses : classes_;
    const double* __restrict shares = point.data();
    const double* __restrict confusion = point.data() + classes;
    double* __restrict counts = next.data();
    double* __restrict posterior = posteriors_.data();
    double fixed[kClasses > 0 ? kClasses : 1];
    double* weights = kClasses > 0 ? fixed : weights_.data();
    Pass found;
    LogSum log_sums;
    for (size_t p = 0; p < patterns_.size(); ++p, posterior += classes) {
      const std::span<const VoteCell> cells = patterns_.cells_of(p);
      double log_scale = 0;
      bool in_range = true;
      for (size_t k = 0; k < classes; ++k) weights[k] = shares[k];
      for (size_t v = 0; v < cells.size() && in_range; ++v) {
        const double* said = confusion + cells[v] * classes;
        for (size_t k = 0; k < classes; ++k) weights[k] *= said[k];
        if (v % 8 == 7) in_range = scale(weights, classes, log_scale);
      }
      double sum = 0;
      for (size_t k = 0; k < classes; ++k) sum += weights[k];
      if (!in_range || !(sum >= kSmallestSum)) {
        log_scale = weigh_by_logs(point, cells);
        sum = 0;
        for (size_t k = 0; k < classes; ++k) sum += weights[k] = weights_[k];
      }
      const double items = patterns_.items[p];
      log_sums.add(sum, items);
      found.log_likelihood += items * log_scale;
      const double one = 1 / sum;
      for (size_t k = 0; k < classes; ++k) {
        const double now = weights[k] * one;
        found.change = std::max(found.change, std::abs(now - posterior[k]));
        posterior[k] = now;
        weights[k] = now * items;
        counts[k] += weights[k];
      }
      for (const VoteCell cell : cells) {
        double* said = counts + (cell + size_t{1}) * classes;
        for (size_t k = 0; k < classes; ++k) said[k] += weights[k];
      }
    }
    found.log_likelihood += log_sums.value();
    return found;
  }

  // Many votes make small products: to a largest one of 1, the log of what was taken out added to
  // `log_scale`. False where products cannot say it.
  static bool scale(double* weights, size_t classes, double& log_scale) {
    const auto [least, most] = std::minmax_element(weights, weights + classes);
    if (*least < kSmallestWeight) return false;
    if (*most > 1e-60) return true;
    const double taken_out = *most;
    for (size_t k = 0; k < classes; ++k) weights[k] /= taken_out;
    log_scale += std::log(taken_out);
    return true;
  }

  // The same, into weights_, where products leave the range of a double.
  double weigh_by_logs(const Point& point, std::span<const VoteCell> cells) {
    for (size_t k = 0; k < classes_; ++k) {
      weights_[k] = std::log(point[k]);
      for (const VoteCell cell : cells) {
        weights_[k] += std::log(point[(cell + size_t{1}) * classes_ + k]);
      }
    }
    const double most = *std::max_element(weights_.begin(), weights_.end());
    for (double& weight : weights_) weight = std::exp(weight - most);
    return most;
  }

  void to_probabilities(Point& counts) const {
    for (size_t at = classes_; at < counts.size(); ++at) counts[at] += smoothing_;
    normalise_all(counts);
  }

  // The classes, and what a rater says of each.
  void normalise_all(Point& point) const {
    normalise(point.data(), classes_, 1);
    for (size_t at = classes_; at < point.size(); at += classes_ * classes_) {
      for (size_t k = 0; k < classes_; ++k) normalise(point.data() + at + k, classes_, classes_);
    }
  }

  const VotePatterns& patterns_;
  const size_t classes_;
  const double smoothing_;
  std::vector<double> posteriors_;  // [patterns, classes]
  std::vector<double> weights_;     // [classes], of one pattern
};

DawidSkene found_at(const Point& point, const VotePatterns& patterns, const Model& model) {
  const size_t classes = patterns.classes;
  DawidSkene found;
  found.class_shares.assign(point.begin(), point.begin() + static_cast<std::ptrdiff_t>(classes));
  found.posteriors = by_item(patterns, model.posteriors(), found.class_shares);
  found.confusion.assign(patterns.raters, std::vector<std::vector<double>>(
                                              classes, std::vector<double>(classes)));
  const double* cell = point.data() + classes;
  for (auto& matrix : found.confusion) {
    for (size_t said = 0; said < classes; ++said) {
      for (size_t truth = 0; truth < classes; ++truth) matrix[truth][said] = *cell++;
    }
  }
  return found;
}

}  // namespace

Result<DawidSkene> dawid_skene(std::span<const Vote> votes, const VoteSpace& space,
                               const DawidSkeneOptions& options) {
  const VotePatterns patterns = TRY(vote_patterns(votes, space));
  if (!(options.smoothing >= 0)) {
    return invalid_input("smoothing is {}: 0 or more", options.smoothing);
  }
  Model model(patterns, options.smoothing);
  SquaredSteps steps([&](Point& point, const Point& plain) { model.repair(point, plain); });
  Point point = model.start(), next;
  Pass last;
  int64_t iterations = 0;
  bool converged = false;
  double change_before = std::numeric_limits<double>::infinity();
  for (bool plain = true, settled = false;;) {
    last = model.pass(point, next);
    ++iterations;
    converged = plain && last.change < options.tolerance;
    if (converged || iterations >= options.iterations_max) break;
    if (plain) {
      settled = last.change < kSettled && last.change <= change_before;
      change_before = last.change;
    }
    // A long step may be taken back: not one that nothing follows.
    const bool room = iterations + 2 <= options.iterations_max;
    plain = steps.advance(point, next, last.objective, settled && room);
  }
  DawidSkene found = found_at(point, patterns, model);
  found.log_likelihood = last.log_likelihood;
  found.iterations = iterations;
  found.converged = converged;
  return found;
}

}  // namespace attune::feedback
