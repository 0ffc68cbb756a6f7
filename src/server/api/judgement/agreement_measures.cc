#include "server/api/judgement/agreement_measures.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "feedback/comparisons.h"
#include "feedback/kappa.h"
#include "server/api/judgement/judged_question.h"

namespace attune::api {
namespace {

using domain::AnswerKind;
using domain::CodedAnswer;
using feedback::Interval;
using store::Judgements;

// The answers to each item as `of` reads them.
template <typename T, typename F>
std::vector<std::vector<T>> by_item(const Judgements& judgements, F of) {
  std::vector<std::vector<T>> items(judgements.items.size());
  for (const CodedAnswer& answer : judgements.answers) {
    items[static_cast<size_t>(answer.item)].push_back(of(answer));
  }
  return items;
}

const char* distance_name(AnswerKind kind, feedback::Metric metric) {
  if (kind == AnswerKind::kLabelSet) return "masi";
  if (kind == AnswerKind::kRanking) return "kendall";
  if (kind == AnswerKind::kLabel || metric == feedback::Metric::kNominal) return "nominal";
  return metric == feedback::Metric::kOrdinal ? "ordinal" : "interval";
}

struct AlphaAndInterval {
  feedback::Alpha alpha;
  std::optional<Interval> interval;
};

AlphaAndInterval alpha_of_numbers(const Judgements& judgements, feedback::Metric metric,
                                  const feedback::BootstrapOptions& bootstrap) {
  const bool labels = judgements.kind == AnswerKind::kLabel;
  const auto items = by_item<double>(judgements, [&](const CodedAnswer& answer) {
    return labels ? static_cast<double>(answer.category) : answer.number;
  });
  AlphaAndInterval found{feedback::krippendorff_alpha(items, metric), std::nullopt};
  if (bootstrap.resamples > 0) {
    found.interval = feedback::krippendorff_interval(items, metric, bootstrap);
  }
  return found;
}

AlphaAndInterval alpha_of_sets(const Judgements& judgements,
                               const feedback::BootstrapOptions& bootstrap) {
  const auto items = by_item<feedback::LabelSet>(
      judgements, [](const CodedAnswer& answer) { return answer.labels; });
  AlphaAndInterval found{feedback::krippendorff_alpha(items), std::nullopt};
  if (bootstrap.resamples > 0) found.interval = feedback::krippendorff_interval(items, bootstrap);
  return found;
}

Result<AlphaAndInterval> alpha_of_rankings(const Judgements& judgements,
                                           const AgreementOptions& options) {
  const auto items = by_item<std::vector<double>>(
      judgements, [](const CodedAnswer& answer) { return answer.ranks; });
  AlphaAndInterval found{TRY(feedback::ranking_alpha(items, options.expectation)), std::nullopt};
  const bool exchangeable = options.expectation == feedback::RankingExpectation::kExchangeable;
  if (exchangeable && options.bootstrap.resamples > 0) {
    found.interval = TRY(feedback::ranking_alpha_interval(items, options.bootstrap));
  }
  return found;
}

Result<OrderedJson> alpha_json(const Judgements& judgements, const AgreementOptions& options) {
  AlphaAndInterval found;
  const bool labels = judgements.kind == AnswerKind::kLabel;
  const auto metric = labels ? feedback::Metric::kNominal : options.rating_metric;
  switch (judgements.kind) {
    case AnswerKind::kLabel:
    case AnswerKind::kRating:
      found = alpha_of_numbers(judgements, metric, options.bootstrap);
      break;
    case AnswerKind::kLabelSet: found = alpha_of_sets(judgements, options.bootstrap); break;
    case AnswerKind::kRanking: found = TRY(alpha_of_rankings(judgements, options)); break;
    case AnswerKind::kFree: return OrderedJson(nullptr);
  }
  const auto& interval = found.interval;
  return OrderedJson{
      {"value", number_json(found.alpha.value)},
      {"low", interval ? number_json(interval->low) : nullptr},
      {"high", interval ? number_json(interval->high) : nullptr},
      {"standard_error", interval ? number_json(interval->standard_error) : nullptr},
      {"resamples", interval ? interval->resamples : 0},
      {"distance", distance_name(judgements.kind, metric)},
      {"observed", found.alpha.observed},
      {"expected", found.alpha.expected},
      {"items", found.alpha.items},
      {"answers", found.alpha.answers}};
}

OrderedJson fleiss_json(const Judgements& judgements) {
  const auto width = static_cast<size_t>(judgements.categories);
  std::vector<std::vector<int64_t>> counts(judgements.items.size(),
                                           std::vector<int64_t>(width, 0));
  for (const CodedAnswer& answer : judgements.answers) {
    ++counts[static_cast<size_t>(answer.item)][static_cast<size_t>(answer.category)];
  }
  const auto kappa = feedback::fleiss_kappa(counts);
  if (!kappa.ok()) return {{"value", nullptr}, {"reason", kappa.error().message()}};
  OrderedJson reason = nullptr;
  if (!kappa->value) reason = "there are no two different answers";
  return {{"value", number_json(kappa->value)}, {"reason", std::move(reason)}};
}

// Answers of two people to the same records.
using PeopleAndAnswers =
    std::pair<std::pair<int64_t, int64_t>,
              std::vector<std::pair<const CodedAnswer*, const CodedAnswer*>>>;

// Those with the most common records, then by name.
std::vector<PeopleAndAnswers> pairs_of_people(const Judgements& judgements, size_t& left_out) {
  std::map<std::pair<int64_t, int64_t>,
           std::vector<std::pair<const CodedAnswer*, const CodedAnswer*>>>
      shared;
  const auto& answers = judgements.answers;
  for (size_t first = 0, end = 0; first < answers.size(); first = end) {
    while (end < answers.size() && answers[end].item == answers[first].item) ++end;
    for (size_t i = first; i < end; ++i) {
      for (size_t j = first; j < end; ++j) {
        if (answers[i].rater >= answers[j].rater) continue;
        shared[{answers[i].rater, answers[j].rater}].emplace_back(&answers[i], &answers[j]);
      }
    }
  }
  std::vector<PeopleAndAnswers> pairs(std::make_move_iterator(shared.begin()),
                                      std::make_move_iterator(shared.end()));
  std::stable_sort(pairs.begin(), pairs.end(), [](const auto& a, const auto& b) {
    return a.second.size() > b.second.size();
  });
  left_out = pairs.size() > kPairsOfPeopleMax ? pairs.size() - kPairsOfPeopleMax : 0;
  pairs.resize(pairs.size() - left_out);
  return pairs;
}

Result<OrderedJson> cohen_json(const Judgements& judgements, const PeopleAndAnswers& pair) {
  std::vector<int> first, second;
  for (const auto& [a, b] : pair.second) {
    first.push_back(a->category);
    second.push_back(b->category);
  }
  const auto kappa = TRY(feedback::cohen_kappa(first, second, judgements.categories));
  OrderedJson json = {{"cohen_kappa", number_json(kappa.value)},
                      {"same_answer", kappa.observed}};
  if (judgements.kind == AnswerKind::kRating) {
    for (const auto& [name, weights] :
         {std::pair("cohen_kappa_linear", feedback::KappaWeights::kLinear),
          std::pair("cohen_kappa_quadratic", feedback::KappaWeights::kQuadratic)}) {
      json[name] = number_json(
          TRY(feedback::cohen_kappa(first, second, judgements.categories, weights)).value);
    }
  }
  return json;
}

OrderedJson tau_json(const PeopleAndAnswers& pair) {
  double sum = 0;
  int64_t compared = 0;
  for (const auto& [a, b] : pair.second) {
    const auto tau = feedback::kendall_tau_b(a->ranks, b->ranks);
    if (!tau) continue;
    sum += *tau;
    ++compared;
  }
  const auto mean =
      compared == 0 ? std::nullopt : std::optional(sum / static_cast<double>(compared));
  return {{"kendall_tau_b", number_json(mean)}, {"compared", compared}};
}

Result<OrderedJson> people_json(const Judgements& judgements, size_t& left_out) {
  OrderedJson list = OrderedJson::array();
  const bool ranked = judgements.kind == AnswerKind::kRanking;
  const bool coded =
      judgements.kind == AnswerKind::kLabel || judgements.kind == AnswerKind::kRating;
  if (!ranked && !coded) return list;
  for (const PeopleAndAnswers& pair : pairs_of_people(judgements, left_out)) {
    OrderedJson json = {
        {"annotators",
         {judgements.raters[static_cast<size_t>(pair.first.first)].username,
          judgements.raters[static_cast<size_t>(pair.first.second)].username}},
        {"records", pair.second.size()}};
    json.update(ranked ? tau_json(pair) : TRY(cohen_json(judgements, pair)));
    list.push_back(std::move(json));
  }
  return list;
}

// The mean W over the records that two or more people ranked whole.
OrderedJson concordance_json(const Judgements& judgements,
                             const feedback::BootstrapOptions& bootstrap) {
  const auto items = by_item<std::vector<double>>(
      judgements, [](const CodedAnswer& answer) { return answer.ranks; });
  std::vector<double> found;
  for (std::vector<std::vector<double>> rankings : items) {
    std::erase_if(rankings, [](const std::vector<double>& ranks) {
      return std::any_of(ranks.begin(), ranks.end(), [](double r) { return std::isnan(r); });
    });
    const auto concordance = feedback::kendall_w(rankings);
    if (concordance.ok() && concordance->w) found.push_back(*concordance->w);
  }
  if (found.empty()) return nullptr;
  if (bootstrap.resamples > 0) return interval_json(feedback::bootstrap_mean(found, bootstrap));
  double sum = 0;
  for (const double w : found) sum += w;
  return {{"value", sum / static_cast<double>(found.size())}, {"units", found.size()}};
}

// Every pair of candidates that two people both put in an order.
Result<OrderedJson> sides_json(const Judgements& judgements,
                               feedback::BootstrapOptions bootstrap) {
  std::vector<feedback::Comparison> comparisons;
  for (const CodedAnswer& answer : judgements.answers) {
    feedback::Ranks ranks;
    for (const double rank : answer.ranks) {
      ranks.push_back(std::isnan(rank) ? std::nullopt : std::optional(static_cast<int>(rank)));
    }
    const auto made = feedback::comparisons_of_ranking(answer.item, answer.rater,
                                                       feedback::close_rank_holes(ranks));
    if (!made.ok()) continue;  // fewer than two ranked
    comparisons.insert(comparisons.end(), made->begin(), made->end());
  }
  bootstrap.resamples = std::max<int64_t>(bootstrap.resamples, 1);
  const auto agreement =
      feedback::pair_agreement(comparisons, feedback::RaterPairs::kDifferent, bootstrap);
  OrderedJson flips = nullptr;
  if (agreement.rate) flips = interval_json(feedback::flip_rate(*agreement.rate));
  return OrderedJson{{"comparisons", agreement.comparisons},
                     {"agreements", agreement.agreements},
                     {"rate", interval_json(agreement.rate)},
                     {"flip_rate", std::move(flips)}};
}

}  // namespace

Result<OrderedJson> agreement_json(const domain::Question& question,
                                   const store::Judgements& judgements,
                                   const AgreementOptions& options) {
  OrderedJson json = {{"question", question_name_json(question)},
                      {"annotators", judgements.raters.size()},
                      {"records", judgements.items.size()},
                      {"answers", judgements.answers.size()}};
  json["alpha"] = TRY(alpha_json(judgements, options));
  const bool coded =
      judgements.kind == AnswerKind::kLabel || judgements.kind == AnswerKind::kRating;
  json["fleiss_kappa"] = coded ? fleiss_json(judgements) : OrderedJson(nullptr);
  size_t left_out = 0;
  json["pairs_of_annotators"] = TRY(people_json(judgements, left_out));
  json["pairs_left_out"] = left_out;
  json["rankings"] = nullptr;
  if (judgements.kind == AnswerKind::kRanking) {
    OrderedJson pairs = TRY(sides_json(judgements, options.bootstrap));
    json["rankings"] = {{"kendall_w", concordance_json(judgements, options.bootstrap)},
                        {"pairs", std::move(pairs)}};
  }
  return json;
}

}  // namespace attune::api
