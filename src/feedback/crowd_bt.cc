#include "feedback/crowd_bt.h"

#include <cmath>
#include <map>

#include "feedback/log_linear.h"

namespace attune::feedback {
namespace {

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

Status check(int64_t items, int64_t raters, std::span<const RatedPair> pairs,
             const CrowdBtOptions& options) {
  if (pairs.empty()) return invalid_input("no comparisons: there is nothing to estimate from");
  if (!(options.prior_precision > 0 && options.right > 0 && options.wrong > 0)) {
    return invalid_input("the priors of Crowd-BT must be above 0");
  }
  for (size_t n = 0; n < pairs.size(); ++n) {
    const auto& [winner, loser, rater] = pairs[n];
    if (winner < 0 || winner >= items || loser < 0 || loser >= items || winner == loser ||
        rater < 0 || rater >= raters) {
      return invalid_input("comparison {}: items {} and {} by rater {} do not fit {} items and {} "
                           "raters",
                           n, winner, loser, rater, items, raters);
    }
  }
  return {};
}

// The strengths when each answer counts as right with its probability, and as turned round else.
Result<std::vector<double>> weighted_strengths(size_t items, std::span<const RatedPair> pairs,
                                               const std::vector<double>& right,
                                               const CrowdBtOptions& options,
                                               std::vector<double> start) {
  std::map<std::pair<size_t, size_t>, double> wins;
  for (size_t n = 0; n < pairs.size(); ++n) {
    const auto winner = static_cast<size_t>(pairs[n].winner);
    const auto loser = static_cast<size_t>(pairs[n].loser);
    wins[{winner, loser}] += right[n];
    wins[{loser, winner}] += 1 - right[n];
  }
  LogLinearModel model{items, {}, items, options.prior_precision, 0, {}};
  for (const auto& [pair, count] : wins) {
    model.choices.push_back({count, 0, {{{pair.first, 1.0}}, {{pair.second, 1.0}}}});
  }
  return TRY(fit_log_linear(model, std::move(start))).parameters;
}

}  // namespace

Result<CrowdBt> crowd_bt(int64_t items, int64_t raters, std::span<const RatedPair> pairs,
                         const CrowdBtOptions& options) {
  TRY(check(items, raters, pairs, options));
  CrowdBt found;
  found.b.assign(static_cast<size_t>(items), 0.0);
  found.reliability.assign(static_cast<size_t>(raters),
                           options.right / (options.right + options.wrong));
  std::vector<double> right(pairs.size());
  double before = -INFINITY;
  while (!found.converged && found.iterations < options.iterations_max) {
    double penalised = 0;
    found.log_likelihood = 0;
    std::vector<double> kept(found.reliability.size(), options.right);
    std::vector<double> given(found.reliability.size(), options.right + options.wrong);
    for (size_t n = 0; n < pairs.size(); ++n) {
      const auto rater = static_cast<size_t>(pairs[n].rater);
      const double eta = found.reliability[rater];
      const double p = logistic(found.b[static_cast<size_t>(pairs[n].winner)] -
                                found.b[static_cast<size_t>(pairs[n].loser)]);
      const double likelihood = eta * p + (1 - eta) * (1 - p);
      right[n] = eta * p / likelihood;
      found.log_likelihood += std::log(likelihood);
      kept[rater] += right[n];
      given[rater] += 1;
    }
    penalised = found.log_likelihood;
    for (const double b : found.b) penalised -= 0.5 * options.prior_precision * b * b;
    for (const double eta : found.reliability) {
      penalised += options.right * std::log(eta) + options.wrong * std::log(1 - eta);
    }
    found.converged = penalised - before <= options.tolerance * std::abs(penalised);
    if (found.converged) break;
    before = penalised;
    for (size_t a = 0; a < kept.size(); ++a) found.reliability[a] = kept[a] / given[a];
    found.b = TRY(weighted_strengths(found.b.size(), pairs, right, options, found.b));
    ++found.iterations;
  }
  return found;
}

}  // namespace attune::feedback
