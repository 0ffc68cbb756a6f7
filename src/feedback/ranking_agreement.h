// Agreement between rankings of the same items: Kendall's tau-b and distance between two, Kendall's
// W of many, and Krippendorff's alpha with whole rankings as values.
//
// A ranking is one rank (or any number; smaller is better) for each item, NaN where the item was
// not ranked. Two rankings are compared over the items that both rank; equal numbers are a tie.
// Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "feedback/bootstrap.h"
#include "feedback/krippendorff.h"

namespace attune::feedback {

// tau-b = (C - D) / sqrt((n0 - n1)(n0 - n2)): concordant less discordant pairs over the pairs that
// each ranking does not tie. Nothing when one of them ties everything. CHECKs equal sizes, as all
// functions of two rankings here.
std::optional<double> kendall_tau_b(std::span<const double> a, std::span<const double> b);

// (discordant pairs + half of those tied in one ranking only) / all pairs, in [0, 1]. Nothing when
// fewer than two items are ranked by both.
std::optional<double> kendall_distance(std::span<const double> a, std::span<const double> b);

// Kendall's coefficient of concordance of m rankings of n items, corrected for ties:
// W = 12 S / (m^2 (n^3 - n) - m T), with S the squared deviations of the rank sums and T the sum of
// t^3 - t over groups of t tied items. Friedman's chi^2 = m (n - 1) W.
struct Concordance {
  std::optional<double> w = std::nullopt;  // nothing when every ranking ties everything
  double chi_squared = 0;
  double rank_deviation = 0;  // S
  double mean_spearman = 0;   // over pairs of rankings: (m W - 1) / (m - 1)
};
// Errors: fewer than two rankings or items, sizes that differ, an item that is not ranked.
Result<Concordance> kendall_w(const std::vector<std::vector<double>>& rankings);

// What alpha takes for agreement by chance. Candidates that are shuffled and mean nothing in
// themselves are exchangeable: two random rankings are 0.5 apart, whatever the item. Where option 1
// is the same system everywhere, rankings of different items can be compared, and D_e is pooled
// over all of them; if one system nearly always wins, that expectation is already low.
enum class RankingExpectation { kExchangeable, kPooled };

// rankings[item][rater]. The distance is Kendall's; pairs of rankings with fewer than two items in
// common are left out of an item's mean. Errors: rankings of one item that differ in size; pooled:
// of all items.
using RankingAnswers = std::vector<std::vector<std::vector<double>>>;
Result<Alpha> ranking_alpha(const RankingAnswers& rankings, RankingExpectation expectation);

// The exchangeable alpha with an interval: bootstrap over items. Errors as above.
Result<std::optional<Interval>> ranking_alpha_interval(const RankingAnswers& rankings,
                                                       const BootstrapOptions& options = {});

}  // namespace attune::feedback
