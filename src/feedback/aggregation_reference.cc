#include "feedback/aggregation_reference.h"

#include <algorithm>
#include <cmath>

namespace attune::feedback {
namespace {

using Table = std::vector<std::vector<double>>;

size_t at(int64_t number) { return static_cast<size_t>(number); }

std::vector<bool> with_votes(std::span<const Vote> votes, const VoteSpace& space) {
  std::vector<bool> found(at(space.items), false);
  for (const Vote& vote : votes) found[at(vote.item)] = true;
  return found;
}

void normalise(std::vector<double>& row) {
  double sum = 0;
  for (const double value : row) sum += value;
  for (double& value : row) value = sum > 0 ? value / sum : 1.0 / static_cast<double>(row.size());
}

// Logs of weights to probabilities; the log of the sum of weights.
double to_probabilities(std::vector<double>& logs) {
  const double most = *std::max_element(logs.begin(), logs.end());
  double sum = 0;
  for (double& value : logs) sum += value = std::exp(value - most);
  for (double& value : logs) value /= sum;
  return most + std::log(sum);
}

double largest_change(const Table& before, const Table& after) {
  double change = 0;
  for (size_t i = 0; i < before.size(); ++i) {
    for (size_t k = 0; k < before[i].size(); ++k) {
      change = std::max(change, std::abs(before[i][k] - after[i][k]));
    }
  }
  return change;
}

void shares_and_confusion(std::span<const Vote> votes, const std::vector<bool>& voted,
                          double smoothing, DawidSkene& found) {
  std::fill(found.class_shares.begin(), found.class_shares.end(), 0.0);
  for (size_t i = 0; i < voted.size(); ++i) {
    for (size_t k = 0; voted[i] && k < found.class_shares.size(); ++k) {
      found.class_shares[k] += found.posteriors[i][k];
    }
  }
  normalise(found.class_shares);
  for (auto& matrix : found.confusion) {
    for (auto& row : matrix) std::fill(row.begin(), row.end(), smoothing);
  }
  for (const Vote& vote : votes) {
    for (size_t k = 0; k < found.class_shares.size(); ++k) {
      found.confusion[at(vote.rater)][k][at(vote.label)] += found.posteriors[at(vote.item)][k];
    }
  }
  for (auto& matrix : found.confusion) {
    for (auto& row : matrix) normalise(row);
  }
}

// The posteriors, and the likelihood, of what a label says of the truth: `log_says` of the vote's
// rater, the truth and the label.
template <typename F>
double posteriors_of(std::span<const Vote> votes, const std::vector<bool>& voted,
                     const std::vector<double>& log_shares, F log_says, Table& posteriors) {
  std::fill(posteriors.begin(), posteriors.end(), log_shares);
  for (const Vote& vote : votes) {
    for (size_t k = 0; k < log_shares.size(); ++k) {
      posteriors[at(vote.item)][k] += log_says(at(vote.rater), k, at(vote.label));
    }
  }
  double log_likelihood = 0;
  for (size_t i = 0; i < posteriors.size(); ++i) {
    const double one = to_probabilities(posteriors[i]);
    if (voted[i]) log_likelihood += one;
  }
  return log_likelihood;
}

// P(label | truth) of MACE, never 0.
double says(const Mace& mace, size_t rater, size_t truth, size_t label) {
  const double theta = mace.spamming[rater];
  const double copies = truth == label ? 1.0 - theta : 0.0;
  return std::max(copies + theta * mace.habits[rater][label], 1e-300);
}

void spamming_and_habits(std::span<const Vote> votes, double smoothing, Mace& mace) {
  const size_t raters = mace.spamming.size(), classes = mace.habits[0].size();
  std::vector<double> spam(raters, smoothing), given(raters, 2 * smoothing);
  Table habits(raters, std::vector<double>(classes, smoothing));
  for (const Vote& vote : votes) {
    const size_t rater = at(vote.rater), label = at(vote.label);
    const double same = mace.posteriors[at(vote.item)][label];
    const double though_same =
        1.0 - (1.0 - mace.spamming[rater]) / says(mace, rater, label, label);
    const double spammed = (1.0 - same) + same * though_same;
    spam[rater] += spammed;
    given[rater] += 1;
    habits[rater][label] += spammed;
  }
  for (size_t a = 0; a < raters; ++a) {
    if (given[a] > 0) mace.spamming[a] = spam[a] / given[a];
    double sum = 0;
    for (const double habit : habits[a]) sum += habit;
    for (size_t k = 0; sum > 0 && k < classes; ++k) mace.habits[a][k] = habits[a][k] / sum;
  }
}

Mace mace_from(std::span<const Vote> votes, const VoteSpace& space, const MaceOptions& options,
               int64_t start) {
  const size_t classes = at(space.classes);
  const double even = 1.0 / space.classes;
  Mace mace;
  mace.spamming.assign(at(space.raters), 0.5);
  mace.habits.assign(at(space.raters), std::vector<double>(classes, even));
  mace.posteriors.assign(at(space.items), std::vector<double>(classes));
  if (start > 0) {
    Random random(options.seed, static_cast<uint64_t>(start));
    for (double& theta : mace.spamming) theta = 0.05 + 0.9 * random.uniform();
    for (auto& habits : mace.habits) {
      for (double& habit : habits) habit = 0.1 + random.uniform();
      normalise(habits);
    }
  }
  const std::vector<bool> voted = with_votes(votes, space);
  const auto log_says = [&](size_t rater, size_t truth, size_t label) {
    return std::log(says(mace, rater, truth, label));
  };
  const auto expect = [&] {
    return posteriors_of(votes, voted, std::vector<double>(classes, std::log(even)), log_says,
                         mace.posteriors);
  };
  mace.log_likelihood = expect();
  while (!mace.converged && mace.iterations < options.iterations_max) {
    const double before = mace.log_likelihood;
    spamming_and_habits(votes, options.smoothing, mace);
    mace.log_likelihood = expect();
    ++mace.iterations;
    mace.converged = std::abs(mace.log_likelihood - before) <=
                     options.tolerance * std::abs(mace.log_likelihood);
  }
  return mace;
}

}  // namespace

DawidSkene plain_dawid_skene(std::span<const Vote> votes, const VoteSpace& space,
                             const DawidSkeneOptions& options) {
  const size_t classes = at(space.classes);
  const std::vector<bool> voted = with_votes(votes, space);
  DawidSkene found;
  found.class_shares.resize(classes);
  found.confusion.assign(at(space.raters), Table(classes, std::vector<double>(classes)));
  found.posteriors.assign(at(space.items), std::vector<double>(classes, 0.0));
  for (const Vote& vote : votes) found.posteriors[at(vote.item)][at(vote.label)] += 1;
  for (auto& row : found.posteriors) normalise(row);
  const auto log_says = [&](size_t rater, size_t truth, size_t label) {
    return std::log(found.confusion[rater][truth][label]);
  };
  while (!found.converged && found.iterations < options.iterations_max) {
    shares_and_confusion(votes, voted, options.smoothing, found);
    std::vector<double> log_shares;
    for (const double share : found.class_shares) log_shares.push_back(std::log(share));
    Table before = found.posteriors;
    found.log_likelihood =
        posteriors_of(votes, voted, log_shares, log_says, found.posteriors);
    ++found.iterations;
    for (size_t i = 0; i < voted.size(); ++i) {
      if (!voted[i]) before[i] = found.posteriors[i];
    }
    found.converged = largest_change(before, found.posteriors) < options.tolerance;
  }
  return found;
}

Mace plain_mace(std::span<const Vote> votes, const VoteSpace& space, const MaceOptions& options) {
  Mace best;
  for (int64_t start = 0; start < options.restarts; ++start) {
    Mace one = mace_from(votes, space, options, start);
    if (start == 0 || one.log_likelihood > best.log_likelihood) best = std::move(one);
  }
  return best;
}

std::vector<Vote> drawn_votes(Random& random, const VoteSpace& space, int64_t per_item,
                              double least) {
  std::vector<double> right;
  for (int64_t rater = 0; rater < space.raters; ++rater) {
    right.push_back(least + (1 - least) * random.uniform());
  }
  std::vector<Vote> votes;
  for (int64_t item = 0; item < space.items; ++item) {
    const auto truth = static_cast<int>(random.below(static_cast<uint64_t>(space.classes)));
    const std::vector<int64_t> order = random.permutation(space.raters);
    for (int64_t k = 0; k < per_item; ++k) {
      const int64_t rater = order[at(k)];
      const bool knows = random.uniform() < right[at(rater)];
      const auto other = static_cast<int>(random.below(static_cast<uint64_t>(space.classes)));
      votes.push_back({item, rater, knows ? truth : other});
    }
  }
  return votes;
}

}  // namespace attune::feedback
