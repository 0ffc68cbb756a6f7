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
        raters_(static_cast<size_t>(space.raters)) {
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
    found_.posteriors.assign(items_, std::vector<double>(classes_, even));
    std::vector<bool> has_votes(items_, false);
    for (const Vote& vote : votes_) {
      auto& row = found_.posteriors[static_cast<size_t>(vote.item)];
      has_votes[static_cast<size_t>(vote.item)] = true;
      for (size_t t = 0; t < classes_; ++t) row[t] += std::log(says(vote, t));
    }
    found_.log_likelihood = 0;
    for (size_t i = 0; i < items_; ++i) {
      auto& row = found_.posteriors[i];
      const double most = *std::max_element(row.begin(), row.end());
      double sum = 0;
      for (double& value : row) sum += value = std::exp(value - most);
      for (double& value : row) value /= sum;
      if (has_votes[i]) found_.log_likelihood += most + std::log(sum);
    }
  }

  // Theta and xi from the posteriors.
  void maximise(double smoothing) {
    std::vector<double> spam(raters_, smoothing), given(raters_, 2 * smoothing);
    std::vector<std::vector<double>> habits(raters_, std::vector<double>(classes_, smoothing));
    for (const Vote& vote : votes_) {
      const auto rater = static_cast<size_t>(vote.rater);
      const auto& posterior = found_.posteriors[static_cast<size_t>(vote.item)];
      double spammed = 0;
      for (size_t t = 0; t < classes_; ++t) {
        const double knows =
            static_cast<size_t>(vote.label) == t ? 1.0 - found_.spamming[rater] : 0.0;
        spammed += posterior[t] * (1.0 - knows / says(vote, t));
      }
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

  Mace& found() { return found_; }

 private:
  // P(this label | truth t), never 0: a label that a rater cannot have said would end everything.
  double says(const Vote& vote, size_t t) const {
    const auto rater = static_cast<size_t>(vote.rater);
    const double theta = found_.spamming[rater];
    const double habit = theta * found_.habits[rater][static_cast<size_t>(vote.label)];
    const double knows = static_cast<size_t>(vote.label) == t ? 1.0 - theta : 0.0;
    return std::max(knows + habit, 1e-300);
  }

  std::span<const Vote> votes_;
  const size_t classes_, items_, raters_;
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
    if (start == 0 || one.found().log_likelihood > best.log_likelihood) {
      best = std::move(one.found());
    }
  }
  return best;
}

}  // namespace attune::feedback
