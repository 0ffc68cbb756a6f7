#include "server/domain/agreement.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "feedback/krippendorff.h"
#include "feedback/ranking_agreement.h"

namespace attune::domain {
namespace {

int option_index(const OrderedJson& options, const OrderedJson& value) {
  for (size_t i = 0; i < options.size(); ++i) {
    if (options[i].at("value") == value) return static_cast<int>(i);
  }
  return -1;  // an option that is not there any more
}

feedback::LabelSet label_set(const OrderedJson& options, const OrderedJson& values) {
  feedback::LabelSet labels;
  for (const OrderedJson& value : values) labels.push_back(option_index(options, value));
  std::sort(labels.begin(), labels.end());
  return labels;
}

std::vector<double> ranks_of(const OrderedJson& options, const OrderedJson& values) {
  std::vector<double> ranks(options.size(), std::numeric_limits<double>::quiet_NaN());
  for (const OrderedJson& item : values) {
    int index = option_index(options, item.at("value"));
    if (index >= 0 && !item.at("rank").is_null()) {
      ranks[static_cast<size_t>(index)] = item.at("rank").get<double>();
    }
  }
  return ranks;
}

double scale_length(const OrderedJson& options) {
  auto [low, high] = std::minmax_element(
      options.begin(), options.end(), [](const OrderedJson& a, const OrderedJson& b) {
        return a.at("value").get<int64_t>() < b.at("value").get<int64_t>();
      });
  return static_cast<double>(high->at("value").get<int64_t>() - low->at("value").get<int64_t>());
}

// Nothing where the two cannot be compared.
std::optional<double> distance(const OrderedJson& settings, const OrderedJson& a,
                               const OrderedJson& b) {
  const std::string& type = type_of(settings);
  if (type == "label_selection") return a == b ? 0.0 : 1.0;
  if (type == "rating") {
    return std::abs(a.get<double>() - b.get<double>()) / scale_length(settings.at("options"));
  }
  if (type == "multi_label_selection") {
    const OrderedJson& options = settings.at("options");
    return feedback::masi_distance(label_set(options, a), label_set(options, b));
  }
  if (type == "ranking") {
    const OrderedJson& options = settings.at("options");
    return feedback::kendall_distance(ranks_of(options, a), ranks_of(options, b));
  }
  return std::nullopt;
}

std::optional<double> mean_agreement(const Question& question,
                                     const std::vector<OrderedJson>& answers) {
  std::vector<const OrderedJson*> given;
  for (const OrderedJson& answer : answers) {
    auto value = answer.find(question.name);
    if (value != answer.end()) given.push_back(&value->at("value"));
  }
  double sum = 0;
  int64_t pairs = 0;
  for (size_t i = 0; i < given.size(); ++i) {
    for (size_t j = i + 1; j < given.size(); ++j) {
      auto apart = distance(question.settings, *given[i], *given[j]);
      if (!apart) continue;
      sum += 1 - *apart;
      ++pairs;
    }
  }
  if (pairs == 0) return std::nullopt;
  return sum / static_cast<double>(pairs);
}

}  // namespace

std::optional<double> record_agreement(const std::vector<Question>& questions,
                                       const std::vector<OrderedJson>& answers) {
  double sum = 0;
  int64_t compared = 0;
  for (const Question& question : questions) {
    auto agreement = mean_agreement(question, answers);
    if (!agreement) continue;
    sum += *agreement;
    ++compared;
  }
  if (compared == 0) return std::nullopt;
  return sum / static_cast<double>(compared);
}

}  // namespace attune::domain
