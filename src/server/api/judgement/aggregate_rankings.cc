#include "server/api/judgement/aggregate_rankings.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <span>

#include "base/random.h"
#include "feedback/crowd_bt.h"
#include "server/api/judgement/judged_question.h"

namespace attune::api {
namespace {

using domain::CodedAnswer;
using store::Judgements;

constexpr double kSameStrength = 1e-9;  // what the likelihood's maximum is exact to
constexpr double kPriorPerRecord = 0.1;

using Answers = std::span<const CodedAnswer>;

// The options that somebody ranked, and the place of each among them (-1: nobody did).
struct Ranked {
  std::vector<size_t> options;
  std::vector<int64_t> place;
};
Ranked ranked_options(Answers answers, size_t options) {
  Ranked ranked;
  ranked.place.assign(options, -1);
  for (size_t k = 0; k < options; ++k) {
    const bool any = std::any_of(answers.begin(), answers.end(), [&](const CodedAnswer& answer) {
      return !std::isnan(answer.ranks[k]);
    });
    if (!any) continue;
    ranked.place[k] = std::ssize(ranked.options);
    ranked.options.push_back(k);
  }
  return ranked;
}

std::vector<feedback::PairCount> pair_counts(Answers answers, const Ranked& ranked) {
  std::map<std::pair<size_t, size_t>, feedback::PairCount> counts;
  for (const CodedAnswer& answer : answers) {
    for (size_t i = 0; i < ranked.options.size(); ++i) {
      for (size_t j = i + 1; j < ranked.options.size(); ++j) {
        const double a = answer.ranks[ranked.options[i]], b = answer.ranks[ranked.options[j]];
        if (std::isnan(a) || std::isnan(b)) continue;
        feedback::PairCount& count = counts[{i, j}];
        count.first = static_cast<int64_t>(i);
        count.second = static_cast<int64_t>(j);
        (a < b ? count.first_wins : a > b ? count.second_wins : count.ties) += 1;
      }
    }
  }
  std::vector<feedback::PairCount> list;
  for (const auto& [pair, count] : counts) list.push_back(count);
  return list;
}

// Best first; tied options in an order of their own for each (seed, record, person).
feedback::PlacedItems placed(const CodedAnswer& answer, const Ranked& ranked, uint64_t seed,
                             size_t raters) {
  std::vector<std::pair<double, int64_t>> order;  // rank and a place in the draw
  const auto draw =
      static_cast<uint64_t>(answer.item) * raters + static_cast<uint64_t>(answer.rater);
  for (const int64_t drawn : Random(seed, draw).permutation(std::ssize(ranked.options))) {
    order.emplace_back(answer.ranks[ranked.options[static_cast<size_t>(drawn)]], drawn);
  }
  feedback::PlacedItems items;
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return !std::isnan(a.first) && (std::isnan(b.first) || a.first < b.first);
  });
  for (const auto& [rank, item] : order) {
    (std::isnan(rank) ? items.unplaced : items.best_first).push_back(item);
  }
  return items;
}

OrderedJson ranking_json(const Judgements& judgements, const Ranked& ranked,
                         const std::vector<double>& strengths) {
  std::vector<size_t> order(strengths.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return strengths[a] > strengths[b] + kSameStrength; });
  OrderedJson list = OrderedJson::array();
  int64_t rank = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    const double strength = strengths[order[i]];
    if (i == 0 || strengths[order[i - 1]] - strength > kSameStrength) rank = std::ssize(list) + 1;
    list.push_back({{"value", judgements.options[ranked.options[order[i]]]},
                    {"rank", rank},
                    {"strength", strength}});
  }
  return list;
}

Result<feedback::Strengths> fit(Answers answers, const Ranked& ranked,
                                const AggregateOptions& options, size_t raters) {
  const double prior = options.prior_precision.value_or(options.per_record ? kPriorPerRecord : 0);
  const int64_t items = std::ssize(ranked.options);
  if (options.method == "plackett_luce") {
    std::vector<feedback::PlacedItems> rankings;
    for (const CodedAnswer& answer : answers) {
      rankings.push_back(placed(answer, ranked, options.seed, raters));
    }
    return feedback::plackett_luce(items, rankings, prior);
  }
  return feedback::bradley_terry(items, pair_counts(answers, ranked),
                                 {.ties = options.ties, .prior_precision = prior});
}

Result<Aggregate> of_each_record(const Judgements& judgements, const AggregateOptions& options) {
  Aggregate found{options.method, nullptr, {}, {}};
  const auto& all = judgements.answers;
  for (size_t first = 0, end = 0; first < all.size(); first = end) {
    while (end < all.size() && all[end].item == all[first].item) ++end;
    const Answers answers = std::span(all).subspan(first, end - first);
    const Ranked ranked = ranked_options(answers, judgements.options.size());
    OrderedJson item = {{"ranking", OrderedJson::array()}};
    if (ranked.options.size() == 1) {  // partial answers: it was compared with nothing
      item["ranking"] = ranking_json(judgements, ranked, {0.0});
    } else if (!ranked.options.empty()) {
      const auto strengths = fit(answers, ranked, options, judgements.raters.size());
      if (!strengths.ok()) {
        const auto record = static_cast<size_t>(all[first].item);
        return strengths.error().with_context("record " + judgements.items[record].record_id);
      }
      item["ranking"] = ranking_json(judgements, ranked, strengths->b);
    }
    found.items.push_back(std::move(item));
  }
  return found;
}

// Of people who differ in reliability; ties say nothing here.
Result<Aggregate> by_crowd(const Judgements& judgements, const AggregateOptions& options) {
  const Ranked ranked = ranked_options(judgements.answers, judgements.options.size());
  std::vector<feedback::RatedPair> pairs;
  for (const CodedAnswer& answer : judgements.answers) {
    for (size_t i = 0; i < ranked.options.size(); ++i) {
      for (size_t j = 0; j < ranked.options.size(); ++j) {
        // False where one was not ranked.
        if (!(answer.ranks[ranked.options[i]] < answer.ranks[ranked.options[j]])) continue;
        pairs.push_back({static_cast<int64_t>(i), static_cast<int64_t>(j), answer.rater});
      }
    }
  }
  feedback::CrowdBtOptions crowd;
  if (options.prior_precision) crowd.prior_precision = *options.prior_precision;
  const auto fitted = TRY(feedback::crowd_bt(std::ssize(ranked.options),
                                             std::ssize(judgements.raters), pairs, crowd));
  Aggregate found{options.method, nullptr, {}, {}};
  found.model = {{"ranking", ranking_json(judgements, ranked, fitted.b)},
                 {"log_likelihood", fitted.log_likelihood},
                 {"iterations", fitted.iterations},
                 {"converged", fitted.converged}};
  for (const double eta : fitted.reliability) found.annotators.push_back({{"reliability", eta}});
  return found;
}

}  // namespace

Result<Aggregate> aggregate_rankings(const store::Judgements& judgements,
                                     const AggregateOptions& options) {
  const bool crowd = options.method == "crowd_bt";
  if (options.per_record && crowd) {
    return invalid_input("crowd_bt measures people over all records: ask with scope=options");
  }
  if (options.per_record) return of_each_record(judgements, options);
  if (crowd) return by_crowd(judgements, options);
  const Ranked ranked = ranked_options(judgements.answers, judgements.options.size());
  const auto strengths = fit(judgements.answers, ranked, options, judgements.raters.size());
  if (!strengths.ok()) {
    // The models count options from 0; whoever asks knows their names.
    std::vector<std::string> names;
    for (const size_t option : ranked.options) names.push_back(to_line(judgements.options[option]));
    return strengths.error().with_context(
        fmt::format("options counted from 0: {}", fmt::join(names, ", ")));
  }
  Aggregate found{options.method, nullptr, {}, {}};
  found.model = {{"ranking", ranking_json(judgements, ranked, strengths->b)},
                 {"tie_parameter", number_json(strengths->tie_parameter)},
                 {"log_likelihood", strengths->log_likelihood}};
  return found;
}

}  // namespace attune::api
