#include "feedback/scored_pairs.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace attune::feedback {
namespace {

void count(Accuracy& accuracy, bool right) {
  ++accuracy.pairs;
  if (right) ++accuracy.right;
}

void count_length(const ScoredPair& pair, bool swapped, bool right, ScoredPairReport& report) {
  if (pair.better_tokens == pair.worse_tokens) return;
  const bool longer = (pair.better_tokens > pair.worse_tokens) != swapped;
  count(longer ? report.longer_preferred : report.shorter_preferred, right);
  count(report.by_length, longer);
}

void count_margin(double difference, bool right, std::vector<MarginBucket>& buckets) {
  for (MarginBucket& bucket : buckets) {
    if (bucket.high && std::abs(difference) >= *bucket.high) continue;
    count(bucket.accuracy, right);
    return;
  }
}

void calibrate(const std::vector<ScoredPair>& pairs, ScoredPairReport& report) {
  std::vector<double> differences, answers;
  for (const ScoredPair& pair : pairs) {
    differences.push_back(pair.better - pair.worse);
    answers.push_back(pair.probability);
  }
  report.calibrated = calibration(preference_probabilities(differences), answers);
  report.temperature = fit_temperature(differences, answers);
  if (!report.temperature) return;
  report.fitted_ece =
      calibration(preference_probabilities(differences, *report.temperature), answers)->ece;
}

OrderedJson number_or_null(const std::optional<double>& value) {
  return value ? OrderedJson(*value) : OrderedJson();
}

OrderedJson to_json(const Accuracy& accuracy) {
  return {{"accuracy", number_or_null(accuracy.value())}, {"pairs", accuracy.pairs}};
}

OrderedJson calibration_json(const ScoredPairReport& report) {
  OrderedJson json = {{"ece", report.calibrated->ece},
                      {"brier", report.calibrated->brier},
                      {"nll", report.calibrated->nll},
                      {"temperature", number_or_null(report.temperature)},
                      {"fitted_ece", number_or_null(report.fitted_ece)}};
  json["bins"] = OrderedJson::array();
  for (const CalibrationBin& bin : report.calibrated->bins) {
    if (bin.count == 0) continue;
    json["bins"].push_back({{"low", bin.low},
                            {"high", bin.high},
                            {"pairs", bin.count},
                            {"confidence", bin.confidence},
                            {"accuracy", bin.accuracy}});
  }
  return json;
}

}  // namespace

ScoredPairReport report_scored_pairs(const std::vector<ScoredPair>& pairs) {
  ScoredPairReport report;
  report.by_margin = {{0, 0.5, {}}, {0.5, 1, {}}, {1, 2, {}}, {2, {}, {}}};
  std::map<int64_t, Accuracy> units;
  for (const ScoredPair& pair : pairs) {
    const double difference = pair.better - pair.worse;
    report.margin += difference / static_cast<double>(pairs.size());
    if (pair.probability == 0.5) continue;
    const bool swapped = pair.probability < 0.5;
    const bool right = swapped ? difference < 0 : difference > 0;
    count(report.all, right);
    count(units[pair.unit], right);
    count(report.by_rank_gap[pair.rank_gap], right);
    if (!pair.annotator.empty()) count(report.by_annotator[pair.annotator], right);
    count_margin(difference, right, report.by_margin);
    count_length(pair, swapped, right, report);
  }
  std::vector<double> right, all;
  for (const auto& [unit, accuracy] : units) {
    right.push_back(static_cast<double>(accuracy.right));
    all.push_back(static_cast<double>(accuracy.pairs));
  }
  report.interval = bootstrap_ratio(right, all);
  calibrate(pairs, report);
  return report;
}

std::optional<double> correlation(std::span<const double> a, std::span<const double> b) {
  CHECK(a.size() == b.size(), "{} and {} values", a.size(), b.size());
  if (a.size() < 2) return std::nullopt;
  const auto count = static_cast<double>(a.size());
  double mean_a = 0, mean_b = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    mean_a += a[i] / count;
    mean_b += b[i] / count;
  }
  double aa = 0, bb = 0, ab = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    aa += (a[i] - mean_a) * (a[i] - mean_a);
    bb += (b[i] - mean_b) * (b[i] - mean_b);
    ab += (a[i] - mean_a) * (b[i] - mean_b);
  }
  if (aa == 0 || bb == 0) return std::nullopt;
  return ab / std::sqrt(aa * bb);
}

OrderedJson to_json(const ScoredPairReport& report) {
  OrderedJson json = to_json(report.all);
  if (report.interval) {
    json["interval"] = {report.interval->low, report.interval->high};
    json["units"] = report.interval->units;
  }
  json["margin"] = report.margin;
  json["by_margin"] = OrderedJson::array();
  for (const MarginBucket& bucket : report.by_margin) {
    OrderedJson entry = to_json(bucket.accuracy);
    entry["low"] = bucket.low;
    entry["high"] = number_or_null(bucket.high);
    json["by_margin"].push_back(std::move(entry));
  }
  json["by_rank_gap"] = OrderedJson::object();
  for (const auto& [gap, accuracy] : report.by_rank_gap) {
    json["by_rank_gap"][std::to_string(gap)] = to_json(accuracy);
  }
  json["by_annotator"] = OrderedJson::object();
  for (const auto& [name, accuracy] : report.by_annotator) {
    json["by_annotator"][name] = to_json(accuracy);
  }
  json["longer_preferred"] = to_json(report.longer_preferred);
  json["shorter_preferred"] = to_json(report.shorter_preferred);
  json["always_the_longer"] = to_json(report.by_length);
  if (report.calibrated) json["calibration"] = calibration_json(report);
  return json;
}

}  // namespace attune::feedback
