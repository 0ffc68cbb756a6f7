#include "feedback/mace.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"

namespace attune::feedback {
namespace {

// One start of the expectation maximisation.
class Start {
 public:
  Start(std::span<const Vote> votes, const VoteSpace& space)
      : votes_(votes),
        classes_(static_cast<size_t>(space.classes)),
        items_(static_cast<size_t>(space.items)),
        raters_(static_cast<size_t>(space.raters)),
        has_votes_(items_, false),
        posteriors_(items_ * classes_) {
    for (const Vote& vote : votes_) has_votes_[static_cast<size_t>(vote.item)] = true;
    found_.spamming.assign(raters_, 0.5);
    found_.habits.assign(raters_,
                         std::vector<double>(classes_, 1.0 / static_cast<double>(classes_)));
  }

  void draw(Random& random) {
    for (double& theta : found_.spamming) theta = 0.05 + 0.9 * random.uniform();
    for (auto& habits : found_.habits) {
      double sum = 0;
      for (double& habit : habits) sum += habit = 0.1 + random.uniform();
      for (double& habit : habits) habit /= sum;
    }
  }

  // Posteriors and the likelihood from theta and xi.
  void expect() {
    const double even = -std::log(static_cast<double>(classes_));
    std::fill(posteriors_.begin(), posteriors_.end(), even);
    // Whether the truth is the label said or another one is all that counts.
    std::vector<double> log_same(raters_ * classes_), log_other(raters_ * classes_);
    for (size_t at = 0; at < log_same.size(); ++at) {
      log_same[at] = std::log(says(at, true));
      log_other[at] = std::log(says(at, false));
    }
    for (const Vote& vote : votes_) {
      double* row = row_of(vote);
      const size_t at = place_of(vote);
      for (size_t t = 0; t < classes_; ++t) row[t] += log_other[at];
      row[vote.label] += log_same[at] - log_other[at];
    }
    found_.log_likelihood = 0;
    for (size_t i = 0; i < items_; ++i) {
      const std::span<double> row = std::span(posteriors_).subspan(i * classes_, classes_);
      const double most = *std::max_element(row.begin(), row.end());
      double sum = 0;
      for (double& value : row) sum += value = std::exp(value - most);
      for (double& value : row) value /= sum;
      if (has_votes_[i]) found_.log_likelihood += most + std::log(sum);
    }
  }

  // Theta and xi from the posteriors.
  void maximise(double smoothing) {
    std::vector<double> spam(raters_, smoothing), given(raters_, 2 * smoothing);
    std::vector<std::vector<double>> habits(raters_, std::vector<double>(classes_, smoothing));
    std::vector<double> spams_though_same(raters_ * classes_);
    for (size_t at = 0; at < spams_though_same.size(); ++at) {
      spams_though_same[at] = 1.0 - (1.0 - found_.spamming[at / classes_]) / says(at, true);
    }
    for (const Vote& vote : votes_) {
      const auto rater = static_cast<size_t>(vote.rater);
      // Of another truth it was certainly spam.
      const double same = row_of(vote)[vote.label];
      const double spammed = (1.0 - same) + same * spams_though_same[place_of(vote)];
      spam[rater] += spammed;
      given[rater] += 1;
      habits[rater][static_cast<size_t>(vote.label)] += spammed;
    }
    for (size_t a = 0; a < raters_; ++a) {
      if (given[a] > 0) found_.spamming[a] = spam[a] / given[a];
      double sum = 0;
      for (const double habit : habits[a]) sum += habit;
      if (sum <= 0) continue;  // never spams: habits say nothing and stay
      for (size_t k = 0; k < classes_; ++k) found_.habits[a][k] = habits[a][k] / sum;
    }
  }

  void run(const MaceOptions& options) {
    expect();
    while (!found_.converged && found_.iterations < options.iterations_max) {
      const double before = found_.log_likelihood;
      maximise(options.smoothing);
      expect();
      ++found_.iterations;
      const double change = std::abs(found_.log_likelihood - before);
      found_.converged = change <= options.tolerance * std::abs(found_.log_likelihood);
    }
  }

  double log_likelihood() const { return found_.log_likelihood; }
  Mace found() && {
    found_.posteriors.resize(items_);
    for (size_t i = 0; i < items_; ++i) {
      const double* row = posteriors_.data() + i * classes_;
      found_.posteriors[i].assign(row, row + classes_);
    }
    return std::move(found_);
  }

 private:
  double* row_of(const Vote& vote) {
    return posteriors_.data() + static_cast<size_t>(vote.item) * classes_;
  }
  // Of the rater and the label said, in tables of both.
  size_t place_of(const Vote& vote) const {
    return static_cast<size_t>(vote.rater) * classes_ + static_cast<size_t>(vote.label);
  }
  // P(the label of this place | it is the truth, or another one is), never 0: a label that a rater
  // cannot have said would end everything.
  double says(size_t place, bool is_truth) const {
    const double theta = found_.spamming[place / classes_];
    const double habit = theta * found_.habits[place / classes_][place % classes_];
    return std::max((is_truth ? 1.0 - theta : 0.0) + habit, 1e-300);
  }

  std::span<const Vote> votes_;
  const size_t classes_, items_, raters_;
  std::vector<bool> has_votes_;
  std::vector<double> posteriors_;  // [items, classes]
  Mace found_;
};

}  // namespace

Result<Mace> mace(std::span<const Vote> votes, const VoteSpace& space,
                  const MaceOptions& options) {
  TRY(check_votes(votes, space));
  if (votes.empty()) return invalid_input("no votes: there is nothing to estimate from");
  if (options.restarts < 1) return invalid_input("restarts is {}: 1 or more", options.restarts);
  Mace best;
  for (int64_t start = 0; start < options.restarts; ++start) {
    Start one(votes, space);
    if (start > 0) {
      Random random(options.seed, static_cast<uint64_t>(start));
      one.draw(random);
    }
    one.run(options);
    if (start == 0 || one.log_likelihood() > best.log_likelihood) best = std::move(one).found();
  }
  return best;
}

}  // namespace attune::feedback
