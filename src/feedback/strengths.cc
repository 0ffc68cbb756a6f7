#include "feedback/strengths.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "feedback/log_linear.h"

namespace attune::feedback {
namespace {

using Edges = std::vector<std::vector<size_t>>;

// The items that can be reached from item 0.
std::vector<bool> reached(const Edges& edges) {
  std::vector<bool> seen(edges.size(), false);
  std::vector<size_t> open{0};
  seen[0] = true;
  while (!open.empty()) {
    const size_t at = open.back();
    open.pop_back();
    for (const size_t next : edges[at]) {
      if (!seen[next]) open.push_back(next);
      seen[next] = true;
    }
  }
  return seen;
}

// Ford's condition: every item beats and is beaten by the others, directly or in a chain.
// beats[i] holds the items that i won against (half wins count).
Status check_connected(const Edges& beats) {
  Edges beaten_by(beats.size());
  for (size_t i = 0; i < beats.size(); ++i) {
    for (const size_t j : beats[i]) beaten_by[j].push_back(i);
  }
  for (const Edges* edges : {&beats, const_cast<const Edges*>(&beaten_by)}) {
    const std::vector<bool> seen = reached(*edges);
    const auto missing = std::find(seen.begin(), seen.end(), false);
    if (missing == seen.end()) continue;
    return invalid_input("items 0 and {} are not joined by wins in both directions, so that their "
                         "strengths have no bound: add comparisons, or set a prior_precision",
                         missing - seen.begin());
  }
  return {};
}

LinearForm strength(int64_t item) { return {{static_cast<size_t>(item), 1.0}}; }

// The choices of one pair; `extra` is the parameter of ties.
void add_pair(LogLinearModel& model, const PairCount& pair, TieModel ties, size_t extra) {
  const LinearForm first = strength(pair.first), second = strength(pair.second);
  const auto add = [&](double count, size_t chosen, std::vector<LinearForm> options) {
    if (count > 0) model.choices.push_back({count, chosen, std::move(options)});
  };
  const auto raised = [&](int64_t item) {
    return LinearForm{{static_cast<size_t>(item), 1.0}, {extra, 1.0}};
  };
  if (ties == TieModel::kDavidson) {
    const LinearForm tie = {{static_cast<size_t>(pair.first), 0.5},
                            {static_cast<size_t>(pair.second), 0.5},
                            {extra, 1.0}};
    add(pair.first_wins, 0, {first, second, tie});
    add(pair.second_wins, 1, {first, second, tie});
    add(pair.ties, 2, {first, second, tie});
  } else if (ties == TieModel::kRaoKupper) {
    // A tie's probability is (theta^2 - 1) times both of these choices together.
    add(pair.first_wins + pair.ties, 0, {first, raised(pair.second)});
    add(pair.second_wins + pair.ties, 0, {second, raised(pair.first)});
    model.threshold_count += pair.ties;
  } else {
    const double half = ties == TieModel::kHalfWin ? pair.ties / 2 : 0;
    add(pair.first_wins + half, 0, {first, second});
    add(pair.second_wins + half, 1, {first, second});
  }
}

Status check_pair(const PairCount& pair, int64_t items) {
  for (const int64_t item : {pair.first, pair.second}) {
    if (item < 0 || item >= items) {
      return invalid_input("item {} of a comparison is outside of {} items", item, items);
    }
  }
  if (pair.first == pair.second) {
    return invalid_input("item {} is compared with itself", pair.first);
  }
  for (const double count : {pair.first_wins, pair.second_wins, pair.ties}) {
    if (!(count >= 0) || !std::isfinite(count)) {
      return invalid_input("items {} and {}: a count is {}; 0 or more", pair.first, pair.second,
                           count);
    }
  }
  return {};
}

// One row for each ordered pair of items, checked: a million comparisons of ten items are at most
// 90 rows.
Result<std::vector<PairCount>> added_up(std::span<const PairCount> pairs, int64_t items) {
  std::map<std::pair<int64_t, int64_t>, PairCount> sums;
  for (const PairCount& pair : pairs) {
    TRY(check_pair(pair, items));
    PairCount& sum = sums[{pair.first, pair.second}];
    sum.first = pair.first;
    sum.second = pair.second;
    sum.first_wins += pair.first_wins;
    sum.second_wins += pair.second_wins;
    sum.ties += pair.ties;
  }
  std::vector<PairCount> rows;
  for (const auto& [items_of, sum] : sums) rows.push_back(sum);
  return rows;
}

// Equal rankings and how often each was given.
struct SameRankings {
  const PlacedItems* ranking;
  double times;
};
std::vector<SameRankings> counted(std::span<const PlacedItems> rankings) {
  const auto before = [](const PlacedItems* a, const PlacedItems* b) {
    return std::tie(a->best_first, a->unplaced) < std::tie(b->best_first, b->unplaced);
  };
  std::map<const PlacedItems*, double, decltype(before)> times(before);
  for (const PlacedItems& ranking : rankings) times[&ranking] += 1;
  std::vector<SameRankings> same;
  for (const auto& [ranking, count] : times) same.push_back({ranking, count});
  return same;
}

Status check_ranking(const PlacedItems& ranking, int64_t items) {
  std::set<int64_t> seen;
  for (const auto* part : {&ranking.best_first, &ranking.unplaced}) {
    for (const int64_t item : *part) {
      if (item < 0 || item >= items) {
        return invalid_input("item {} of a ranking is outside of {} items", item, items);
      }
      if (!seen.insert(item).second) {
        return invalid_input("item {} is twice in a ranking", item);
      }
    }
  }
  return {};
}

// The items in the order of a ranking; those not placed come last.
std::vector<int64_t> in_order(const PlacedItems& ranking) {
  std::vector<int64_t> order = ranking.best_first;
  order.insert(order.end(), ranking.unplaced.begin(), ranking.unplaced.end());
  return order;
}

}  // namespace

Result<Strengths> bradley_terry(int64_t items, std::span<const PairCount> pairs,
                                const StrengthOptions& options) {
  if (items < 2) return invalid_input("{} items: there is nothing to compare", items);
  const auto count = static_cast<size_t>(items);
  const bool has_extra =
      options.ties == TieModel::kDavidson || options.ties == TieModel::kRaoKupper;
  LogLinearModel model{count + (has_extra ? 1 : 0), {}, count, options.prior_precision, 0, {}};
  Edges beats(count);
  double tied = 0;
  for (const PairCount& pair : TRY(added_up(pairs, items))) {
    add_pair(model, pair, options.ties, count);
    tied += pair.ties;
    const bool both = options.ties != TieModel::kIgnore && pair.ties > 0;
    const auto first = static_cast<size_t>(pair.first), second = static_cast<size_t>(pair.second);
    if (pair.first_wins > 0 || both) beats[first].push_back(second);
    if (pair.second_wins > 0 || both) beats[second].push_back(first);
  }
  if (options.prior_precision == 0) TRY(check_connected(beats));
  if (has_extra && tied == 0) {
    return invalid_input("no comparison is a tie, so that a model of ties has nothing to learn "
                         "from: use half wins");
  }
  std::vector<double> start(model.parameters, 0.0);
  if (options.ties == TieModel::kRaoKupper) {
    model.threshold = count;
    start[count] = 0.5;
  }
  LogLinearFit fit = TRY(fit_log_linear(model, std::move(start)));
  Strengths strengths{std::move(fit.parameters), {}, fit.log_likelihood};
  if (has_extra) strengths.tie_parameter = std::exp(strengths.b[count]);
  strengths.b.resize(count);
  return strengths;
}

Result<Strengths> plackett_luce(int64_t items, std::span<const PlacedItems> rankings,
                                double prior_precision) {
  if (items < 2) return invalid_input("{} items: there is nothing to rank", items);
  const auto count = static_cast<size_t>(items);
  LogLinearModel model{count, {}, count, prior_precision, 0, {}};
  Edges beats(count);
  for (const auto& [same, times] : counted(rankings)) {
    const PlacedItems& ranking = *same;
    TRY(check_ranking(ranking, items));
    const std::vector<int64_t> order = in_order(ranking);
    for (size_t stage = 0; stage < ranking.best_first.size() && stage + 1 < order.size();
         ++stage) {
      LogLinearChoice choice;
      choice.count = times;
      for (size_t i = stage; i < order.size(); ++i) {
        choice.options.push_back(strength(order[i]));
        if (i > stage) {
          beats[static_cast<size_t>(order[stage])].push_back(static_cast<size_t>(order[i]));
        }
      }
      model.choices.push_back(std::move(choice));
    }
  }
  if (prior_precision == 0) TRY(check_connected(beats));
  LogLinearFit fit = TRY(fit_log_linear(model, std::vector<double>(count, 0.0)));
  return Strengths{std::move(fit.parameters), {}, fit.log_likelihood};
}

double plackett_luce_log_probability(const std::vector<double>& b, const PlacedItems& ranking) {
  const std::vector<int64_t> order = in_order(ranking);
  double sum = 0;
  for (size_t stage = 0; stage < ranking.best_first.size(); ++stage) {
    double most = -INFINITY, total = 0;
    for (size_t i = stage; i < order.size(); ++i) {
      most = std::max(most, b[static_cast<size_t>(order[i])]);
    }
    for (size_t i = stage; i < order.size(); ++i) {
      total += std::exp(b[static_cast<size_t>(order[i])] - most);
    }
    sum += b[static_cast<size_t>(order[stage])] - most - std::log(total);
  }
  return sum;
}

}  // namespace attune::feedback
