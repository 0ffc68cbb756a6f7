#include "feedback/mace.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/random.h"
#include "feedback/log_sum.h"
#include "feedback/vote_patterns.h"

namespace attune::feedback {
namespace {

constexpr double kLargestSum = 1e250;  // a product above has left the range of a double

// P(the label of a cell | it is the truth, or another one is), never 0: a label that a rater cannot
// have said would end everything.
struct Says {
  double same, other;
};

// One start of the expectation maximisation. Whether the truth is the label said or another one is
// all that counts: the weight of a truth is the product of same / other over the votes for it, and
// every vote's `other` is a factor of the whole.
class Start {
 public:
  explicit Start(const VotePatterns& patterns)
      : patterns_(patterns),
        classes_(patterns.classes),
        votes_(patterns.cell_count(), 0.0),
        others_(patterns.cell_count()),
        ratios_(patterns.cell_count()),
        weights_(classes_) {
    for (size_t p = 0; p < patterns.size(); ++p) {
      items_ += patterns.items[p];
      for (const VoteCell cell : patterns.cells_of(p)) votes_[cell] += patterns.items[p];
    }
    spamming_.assign(patterns.raters, 0.5);
    habits_.assign(patterns.cell_count(), 1.0 / static_cast<double>(classes_));
  }

  void draw(Random& random) {
    for (double& theta : spamming_) theta = 0.05 + 0.9 * random.uniform();
    for (size_t at = 0; at < habits_.size(); at += classes_) {
      double sum = 0;
      for (size_t k = 0; k < classes_; ++k) sum += habits_[at + k] = 0.1 + random.uniform();
      for (size_t k = 0; k < classes_; ++k) habits_[at + k] /= sum;
    }
  }

  void run(const MaceOptions& options) {
    expect(nullptr);
    while (!converged_ && iterations_ < options.iterations_max) {
      const double before = log_likelihood_;
      maximise(options.smoothing);
      expect(nullptr);
      ++iterations_;
      const double change = std::abs(log_likelihood_ - before);
      converged_ = change <= options.tolerance * std::abs(log_likelihood_);
    }
  }

  double log_likelihood() const { return log_likelihood_; }

  Mace found() {
    std::vector<double> posteriors(patterns_.size() * classes_);
    expect(posteriors.data());
    const std::vector<double> even(classes_, 1.0 / static_cast<double>(classes_));
    Mace found;
    found.posteriors = by_item(patterns_, posteriors, even);
    found.spamming = spamming_;
    for (auto habit = habits_.begin(); habit != habits_.end();) {
      const auto next = habit + static_cast<std::ptrdiff_t>(classes_);
      found.habits.emplace_back(habit, next);
      habit = next;
    }
    found.log_likelihood = log_likelihood_;
    found.iterations = iterations_;
    found.converged = converged_;
    return found;
  }

 private:
  Says says(VoteCell cell) const {
    const double theta = spamming_[cell / classes_];
    const double habit = theta * habits_[cell];
    return {std::max(1.0 - theta + habit, 1e-300), std::max(habit, 1e-300)};
  }

  // From theta and xi: how much of each cell's votes is of another truth, the likelihood, and,
  // where asked for, the posteriors [patterns, classes].
  void expect(double* posteriors) {
    log_likelihood_ = 0;
    for (VoteCell cell = 0; cell < ratios_.size(); ++cell) {
      const Says p = says(cell);
      ratios_[cell] = p.same / p.other;
      others_[cell] = 0;
      log_likelihood_ += votes_[cell] * std::log(p.other);
    }
    log_likelihood_ -= items_ * std::log(static_cast<double>(classes_));
    with_classes(classes_, [&](auto classes) { expect_of<classes()>(posteriors); });
  }

  template <size_t kClasses>
  void expect_of(double* posteriors) {
    const size_t classes = kClasses > 0 ? kClasses : classes_;
    const double* __restrict ratios = ratios_.data();
    double* __restrict others = others_.data();
    double fixed[kClasses > 0 ? kClasses : 1];
    double* weights = kClasses > 0 ? fixed : weights_.data();
    LogSum log_sums;
    for (size_t p = 0; p < patterns_.size(); ++p) {
      const std::span<const VoteCell> cells = patterns_.cells_of(p);
      std::fill(weights, weights + classes, 1.0);
      for (const VoteCell cell : cells) weights[cell % classes] *= ratios[cell];
      double sum = 0, log_scale = 0;
      for (size_t k = 0; k < classes; ++k) sum += weights[k];
      if (!(sum <= kLargestSum)) sum = weigh_by_logs(cells, weights, log_scale);
      const double items = patterns_.items[p];
      log_sums.add(sum, items);
      log_likelihood_ += items * log_scale;
      const double share = items / sum;
      for (const VoteCell cell : cells) others[cell] += share * (sum - weights[cell % classes]);
      if (posteriors == nullptr) continue;
      for (size_t k = 0; k < classes; ++k) *posteriors++ = weights[k] / sum;
    }
    log_likelihood_ += log_sums.value();
  }

  // Weights where products leave the range of a double, divided by exp(log_scale); their sum.
  double weigh_by_logs(std::span<const VoteCell> cells, double* weights, double& log_scale) const {
    std::fill(weights, weights + classes_, 0.0);
    for (const VoteCell cell : cells) {
      const Says p = says(cell);
      weights[cell % classes_] += std::log(p.same) - std::log(p.other);
    }
    log_scale = *std::max_element(weights, weights + classes_);
    double sum = 0;
    for (size_t k = 0; k < classes_; ++k) sum += weights[k] = std::exp(weights[k] - log_scale);
    return sum;
  }

  // Theta and xi from these: of another truth a vote was certainly spam, of the same one perhaps.
  void maximise(double smoothing) {
    std::vector<double> spams(classes_);
    for (size_t rater = 0; rater < spamming_.size(); ++rater) {
      double given = 2 * smoothing, spam = smoothing, sum = 0;
      for (size_t k = 0; k < classes_; ++k) {
        const auto cell = static_cast<VoteCell>(rater * classes_ + k);
        const double though_same = 1.0 - (1.0 - spamming_[rater]) / says(cell).same;
        const double spammed =
            others_[cell] + std::max(votes_[cell] - others_[cell], 0.0) * though_same;
        given += votes_[cell];
        spam += spammed;
        sum += spams[k] = smoothing + spammed;
      }
      if (given > 0) spamming_[rater] = spam / given;
      if (sum <= 0) continue;  // never spams: habits say nothing and stay
      for (size_t k = 0; k < classes_; ++k) habits_[rater * classes_ + k] = spams[k] / sum;
    }
  }

  const VotePatterns& patterns_;
  const size_t classes_;
  double items_ = 0;                     // with votes
  std::vector<double> votes_;             // [cells], votes given
  std::vector<double> others_, ratios_;   // [cells]
  std::vector<double> weights_;           // [classes], of one pattern
  std::vector<double> spamming_;          // [raters], theta
  std::vector<double> habits_;            // [cells], xi
  double log_likelihood_ = 0;
  int64_t iterations_ = 0;
  bool converged_ = false;
};

}  // namespace

Result<Mace> mace(std::span<const Vote> votes, const VoteSpace& space,
                  const MaceOptions& options) {
  const VotePatterns patterns = TRY(vote_patterns(votes, space));
  if (options.restarts < 1) return invalid_input("restarts is {}: 1 or more", options.restarts);
  std::optional<Start> best;
  for (int64_t start = 0; start < options.restarts; ++start) {
    Start one(patterns);
    if (start > 0) {
      Random random(options.seed, static_cast<uint64_t>(start));
      one.draw(random);
    }
    one.run(options);
    if (!best || one.log_likelihood() > best->log_likelihood()) best.emplace(std::move(one));
  }
  return best->found();
}

}  // namespace attune::feedback
