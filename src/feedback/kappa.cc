#include "feedback/kappa.h"

#include <cmath>

namespace attune::feedback {
namespace {

double weight(int i, int j, KappaWeights weights) {
  const double distance = std::abs(i - j);
  if (weights == KappaWeights::kNone) return i == j ? 0 : 1;
  return weights == KappaWeights::kLinear ? distance : distance * distance;
}

// How often a said i where b said j, as a flat table.
Result<std::vector<double>> confusion(std::span<const int> a, std::span<const int> b,
                                      int categories) {
  if (a.size() != b.size()) {
    return invalid_input("one rater has {} answers, the other {}", a.size(), b.size());
  }
  if (categories < 1) return invalid_input("agreement needs at least one category");
  const auto width = static_cast<size_t>(categories);
  std::vector<double> table(width * width, 0);
  for (size_t item = 0; item < a.size(); ++item) {
    for (int answer : {a[item], b[item]}) {
      if (answer != kNoAnswer && (answer < 0 || answer >= categories)) {
        return invalid_input("item {} has category {}; there are {}", item, answer, categories);
      }
    }
    if (a[item] == kNoAnswer || b[item] == kNoAnswer) continue;
    ++table[static_cast<size_t>(a[item]) * width + static_cast<size_t>(b[item])];
  }
  return table;
}

// Shared by all forms: 1 - disagreement / disagreement by chance.
std::optional<double> beyond_chance(double disagreement, double by_chance) {
  if (!(by_chance > 0)) return std::nullopt;
  return 1 - disagreement / by_chance;
}

}  // namespace

Result<Kappa> cohen_kappa(std::span<const int> a, std::span<const int> b, int categories,
                          KappaWeights weights) {
  const std::vector<double> table = TRY(confusion(a, b, categories));
  const auto width = static_cast<size_t>(categories);
  std::vector<double> rows(width, 0);
  std::vector<double> columns(width, 0);
  double items = 0;
  for (size_t i = 0; i < width; ++i) {
    for (size_t j = 0; j < width; ++j) {
      rows[i] += table[i * width + j];
      columns[j] += table[i * width + j];
      items += table[i * width + j];
    }
  }
  Kappa kappa{.items = static_cast<int64_t>(items)};
  if (items == 0) return kappa;
  double observed = 0;
  double expected = 0;
  for (size_t i = 0; i < width; ++i) {
    for (size_t j = 0; j < width; ++j) {
      const double w = weight(static_cast<int>(i), static_cast<int>(j), weights);
      observed += w * table[i * width + j] / items;
      expected += w * rows[i] * columns[j] / (items * items);
    }
  }
  kappa.value = beyond_chance(observed, expected);
  const bool plain = weights == KappaWeights::kNone;
  kappa.observed = plain ? 1 - observed : observed;
  kappa.expected = plain ? 1 - expected : expected;
  return kappa;
}

Result<Kappa> fleiss_kappa(const std::vector<std::vector<int64_t>>& counts) {
  Kappa kappa{.items = static_cast<int64_t>(counts.size())};
  if (counts.empty()) return kappa;
  int64_t raters = 0;
  for (int64_t count : counts[0]) raters += count;
  if (raters < 2) return invalid_input("item 0 has {} answers; agreement needs two", raters);
  std::vector<int64_t> total(counts[0].size(), 0);
  for (size_t item = 0; item < counts.size(); ++item) {
    if (counts[item].size() != total.size()) {
      return invalid_input("item {} has {} categories, item 0 has {}", item, counts[item].size(),
                           total.size());
    }
    int64_t sum = 0;
    double agreeing = 0;
    for (size_t k = 0; k < total.size(); ++k) {
      const int64_t count = counts[item][k];
      if (count < 0) return invalid_input("item {} has a count of {}", item, count);
      sum += count;
      agreeing += static_cast<double>(count) * static_cast<double>(count - 1);
      total[k] += count;
    }
    if (sum != raters) {
      return invalid_input(
          "item {} has {} answers, item 0 has {}; Fleiss' kappa needs the same number for every "
          "item (use Krippendorff's alpha)",
          item, sum, raters);
    }
    kappa.observed += agreeing / (static_cast<double>(raters) * static_cast<double>(raters - 1));
  }
  kappa.observed /= static_cast<double>(counts.size());
  const double answers = static_cast<double>(raters) * static_cast<double>(counts.size());
  for (int64_t one : total) {
    const double share = static_cast<double>(one) / answers;  // exactly 1 without variation
    kappa.expected += share * share;
  }
  kappa.value = beyond_chance(1 - kappa.observed, 1 - kappa.expected);
  return kappa;
}

}  // namespace attune::feedback
