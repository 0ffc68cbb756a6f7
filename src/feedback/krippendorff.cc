#include "feedback/krippendorff.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <span>

namespace attune::feedback {
namespace {

constexpr double kSubset = 2.0 / 3;
constexpr double kOverlap = 1.0 / 3;

// The items with two answers or more; an answer is the number of its value in sorted order.
struct CodedItems {
  std::vector<size_t> codes;   // of all answers, item by item
  std::vector<size_t> starts;  // of each item in `codes`, and their end
  size_t values = 0;

  int64_t size() const { return static_cast<int64_t>(starts.size()) - 1; }
  std::span<const size_t> of(size_t item) const {
    return std::span(codes).subspan(starts[item], starts[item + 1] - starts[item]);
  }
};

// Each value once, in order. A million answers have few different values: those met so far are
// brought together again whenever as many new ones have come.
template <typename Value>
std::vector<Value> different_values(const std::vector<const Value*>& answers) {
  constexpr size_t kPortion = 4096;
  std::vector<const Value*> met;
  size_t limit = kPortion;
  const auto bring_together = [&] {
    std::sort(met.begin(), met.end(), [](auto* a, auto* b) { return *a < *b; });
    met.erase(std::unique(met.begin(), met.end(), [](auto* a, auto* b) { return *a == *b; }),
              met.end());
    limit = 2 * met.size() + kPortion;
  };
  for (const Value* answer : answers) {
    met.push_back(answer);
    if (met.size() == limit) bring_together();
  }
  bring_together();
  std::vector<Value> values;
  values.reserve(met.size());
  for (const Value* value : met) values.push_back(*value);
  return values;
}

template <typename Value, typename IsMissing>
CodedItems code_items(const std::vector<std::vector<Value>>& items, IsMissing is_missing,
                      std::vector<Value>& values) {
  CodedItems coded;
  coded.starts.push_back(0);
  std::vector<const Value*> answers;
  for (const std::vector<Value>& item : items) {
    const size_t before = answers.size();
    for (const Value& answer : item) {
      if (!is_missing(answer)) answers.push_back(&answer);
    }
    if (answers.size() < before + 2) {
      answers.resize(before);
    } else {
      coded.starts.push_back(answers.size());
    }
  }
  values = different_values(answers);
  coded.codes.reserve(answers.size());
  for (const Value* answer : answers) {
    const auto at = std::lower_bound(values.begin(), values.end(), *answer);
    coded.codes.push_back(static_cast<size_t>(at - values.begin()));
  }
  coded.values = values.size();
  return coded;
}

// A distance between values, as what alpha asks of it. Both sums run over ordered pairs.
class Distance {
 public:
  virtual ~Distance() = default;
  // Called once per sample, with how often each value was given (n_c).
  virtual void prepare(std::span<const double> counts) { (void)counts; }
  virtual double within(std::span<const size_t> codes) = 0;
  virtual double over_all(std::span<const double> counts) = 0;
};

class Nominal : public Distance {
 public:
  double within(std::span<const size_t> codes) override {
    sorted_.assign(codes.begin(), codes.end());
    std::sort(sorted_.begin(), sorted_.end());
    double equal = 0;
    for (size_t from = 0; from < sorted_.size();) {
      size_t to = from;
      while (to < sorted_.size() && sorted_[to] == sorted_[from]) ++to;
      equal += static_cast<double>((to - from) * (to - from));
      from = to;
    }
    return static_cast<double>(codes.size() * codes.size()) - equal;
  }
  double over_all(std::span<const double> counts) override {
    double sum = 0;
    double squares = 0;
    for (double count : counts) {
      sum += count;
      squares += count * count;
    }
    return sum * sum - squares;
  }

 private:
  std::vector<size_t> sorted_;
};

// (x_c - x_k)^2 with a place x for each value: sum over pairs = 2 (n sum x^2 - (sum x)^2). Places
// are taken from their mean, so that large values lose no digits. The ordinal distance is of this
// kind: the values' places are then the middles of their ranks.
class Squared : public Distance {
 public:
  Squared(std::vector<double> places, bool ordinal)
      : places_(std::move(places)), ordinal_(ordinal) {}

  void prepare(std::span<const double> counts) override {
    double below = 0;
    for (size_t c = 0; ordinal_ && c < counts.size(); ++c) {
      places_[c] = below + counts[c] / 2;
      below += counts[c];
    }
    double sum = 0;
    double mean = 0;
    for (double count : counts) sum += count;
    for (size_t c = 0; c < counts.size(); ++c) mean += counts[c] / sum * places_[c];
    for (double& place : places_) place -= mean;
  }
  double within(std::span<const size_t> codes) override {
    double mean = 0;
    for (size_t code : codes) mean += places_[code] / static_cast<double>(codes.size());
    double squares = 0;
    for (size_t code : codes) squares += (places_[code] - mean) * (places_[code] - mean);
    return 2 * static_cast<double>(codes.size()) * squares;
  }
  double over_all(std::span<const double> counts) override {
    double sum = 0;
    double total = 0;
    double squares = 0;
    for (size_t c = 0; c < counts.size(); ++c) {
      sum += counts[c];
      total += counts[c] * places_[c];
      squares += counts[c] * places_[c] * places_[c];
    }
    return std::max(0.0, 2 * (sum * squares - total * total));
  }

 private:
  std::vector<double> places_;
  bool ordinal_;
};

// Any distance, by pairs.
template <typename Function>
class Pairwise : public Distance {
 public:
  Pairwise(size_t values, Function distance) : values_(values), table_(values * values) {
    for (size_t c = 0; c < values; ++c) {
      for (size_t k = 0; k < c; ++k) {
        table_[c * values + k] = table_[k * values + c] = distance(c, k);
      }
    }
  }
  double within(std::span<const size_t> codes) override {
    double sum = 0;
    for (size_t c : codes) {
      for (size_t k : codes) sum += table_[c * values_ + k];
    }
    return sum;
  }
  double over_all(std::span<const double> counts) override {
    double sum = 0;
    for (size_t c = 0; c < values_; ++c) {
      for (size_t k = 0; k < values_; ++k) sum += counts[c] * counts[k] * table_[c * values_ + k];
    }
    return sum;
  }

 private:
  size_t values_;
  std::vector<double> table_;
};

// Items whose answers are the same, in whatever order: one of each kind, and which kind each item
// is of. There are few kinds where people choose among few answers, so that a resample of a million
// answers costs no more than drawing it.
struct Kinds {
  CodedItems items;
  std::vector<size_t> kind_of;  // of each item
};
Kinds kinds_of(const CodedItems& coded) {
  Kinds kinds;
  std::vector<size_t> sorted = coded.codes;
  const auto items = static_cast<size_t>(coded.size());
  std::vector<size_t> order(items);
  const auto of = [&](size_t item) {
    const size_t first = coded.starts[item];
    return std::span(sorted).subspan(first, coded.starts[item + 1] - first);
  };
  for (size_t item = 0; item < items; ++item) {
    std::ranges::sort(of(item));
    order[item] = item;
  }
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::ranges::lexicographical_compare(of(a), of(b));
  });
  kinds.kind_of.resize(items);
  kinds.items.values = coded.values;
  kinds.items.starts.push_back(0);
  for (size_t i = 0; i < items; ++i) {
    if (i == 0 || !std::ranges::equal(of(order[i]), of(order[i - 1]))) {
      kinds.items.codes.insert(kinds.items.codes.end(), of(order[i]).begin(), of(order[i]).end());
      kinds.items.starts.push_back(kinds.items.codes.size());
    }
    kinds.kind_of[order[i]] = static_cast<size_t>(kinds.items.size()) - 1;
  }
  return kinds;
}

// Alpha with item i counted times[i] times.
Alpha weighted_alpha(const CodedItems& coded, Distance& distance, std::span<const int32_t> times) {
  Alpha alpha;
  std::vector<double> counts(coded.values, 0);
  for (size_t item = 0; item < times.size(); ++item) {
    if (times[item] == 0) continue;
    alpha.items += times[item];
    for (size_t code : coded.of(item)) counts[code] += times[item];
  }
  for (double count : counts) alpha.answers += static_cast<int64_t>(count);
  if (alpha.answers == 0) return alpha;
  distance.prepare(counts);
  double observed = 0;
  for (size_t item = 0; item < times.size(); ++item) {
    if (times[item] == 0) continue;
    const auto codes = coded.of(item);
    observed += times[item] * distance.within(codes) / static_cast<double>(codes.size() - 1);
  }
  const auto n = static_cast<double>(alpha.answers);
  alpha.observed = observed / n;
  alpha.expected = distance.over_all(counts) / (n * (n - 1));
  const auto used = std::count_if(counts.begin(), counts.end(), [](double n_c) { return n_c > 0; });
  if (used > 1 && alpha.expected > 0) alpha.value = 1 - alpha.observed / alpha.expected;
  return alpha;
}

Alpha alpha_of(const CodedItems& coded, Distance& distance) {
  const std::vector<int32_t> once(static_cast<size_t>(coded.size()), 1);
  return weighted_alpha(coded, distance, once);
}

std::optional<Interval> interval_of(const CodedItems& coded, Distance& distance,
                                    const BootstrapOptions& options) {
  const Kinds kinds = kinds_of(coded);
  std::vector<int32_t> of_kind(static_cast<size_t>(kinds.items.size()));
  return bootstrap(
      coded.size(),
      [&](std::span<const int32_t> times) {
        std::fill(of_kind.begin(), of_kind.end(), 0);
        for (size_t item = 0; item < times.size(); ++item) {
          of_kind[kinds.kind_of[item]] += times[item];
        }
        return weighted_alpha(kinds.items, distance, of_kind).value;
      },
      options);
}

double ratio_distance(double c, double k) {
  if (c + k == 0) return 0;
  const double ratio = (c - k) / (c + k);
  return ratio * ratio;
}

// Calls `use` with the items as codes and their distance.
template <typename Use>
auto with_numbers(const NumberAnswers& items, Metric metric, Use use) {
  std::vector<double> values;
  const CodedItems coded = code_items(
      items, [](double answer) { return std::isnan(answer); }, values);
  if (metric == Metric::kNominal) {
    Nominal nominal;
    return use(coded, nominal);
  }
  if (metric == Metric::kRatio) {
    Pairwise ratio(values.size(),
                   [&](size_t c, size_t k) { return ratio_distance(values[c], values[k]); });
    return use(coded, ratio);
  }
  Squared squared(std::move(values), metric == Metric::kOrdinal);
  return use(coded, squared);
}

template <typename Use>
auto with_sets(const SetAnswers& items, Use use) {
  std::vector<LabelSet> values;
  const CodedItems coded = code_items(
      items, [](const LabelSet&) { return false; }, values);
  Pairwise masi(values.size(),
                [&](size_t c, size_t k) { return masi_distance(values[c], values[k]); });
  return use(coded, masi);
}

}  // namespace

double masi_distance(const LabelSet& a, const LabelSet& b) {
  if (a == b) return 0;
  LabelSet common;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(common));
  const size_t either = a.size() + b.size() - common.size();
  const bool subset = common.size() == std::min(a.size(), b.size());
  const double jaccard = static_cast<double>(common.size()) / static_cast<double>(either);
  return 1 - jaccard * (subset ? kSubset : kOverlap);
}

Alpha krippendorff_alpha(const NumberAnswers& items, Metric metric) {
  return with_numbers(items, metric, alpha_of);
}

std::optional<Interval> krippendorff_interval(const NumberAnswers& items, Metric metric,
                                              const BootstrapOptions& options) {
  return with_numbers(items, metric, [&](const CodedItems& coded, Distance& distance) {
    return interval_of(coded, distance, options);
  });
}

Alpha krippendorff_alpha(const SetAnswers& items) {
  return with_sets(items, alpha_of);
}

std::optional<Interval> krippendorff_interval(const SetAnswers& items,
                                              const BootstrapOptions& options) {
  return with_sets(items, [&](const CodedItems& coded, Distance& distance) {
    return interval_of(coded, distance, options);
  });
}

}  // namespace attune::feedback
