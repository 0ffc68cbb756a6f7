#include "server/domain/agreement.h"

#include <cmath>

#include "feedback/krippendorff.h"
#include "feedback/ranking_agreement.h"
#include "server/domain/answer_codes.h"

namespace attune::domain {
namespace {

double scale_length(const OptionCodes& options) {
  return options.values().back().get<double>() - options.values().front().get<double>();
}

// Nothing where the two cannot be compared.
std::optional<double> distance(AnswerKind kind, const OptionCodes& options, const OrderedJson& a,
                               const OrderedJson& b) {
  switch (kind) {
    case AnswerKind::kLabel: return a == b ? 0.0 : 1.0;
    case AnswerKind::kRating:
      return std::abs(a.get<double>() - b.get<double>()) / scale_length(options);
    case AnswerKind::kLabelSet:
      return feedback::masi_distance(options.label_set(a), options.label_set(b));
    case AnswerKind::kRanking:
      return feedback::kendall_distance(options.ranks(a), options.ranks(b));
    case AnswerKind::kFree: break;
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
  const AnswerKind kind = answer_kind(question);
  if (given.size() < 2 || kind == AnswerKind::kFree) return std::nullopt;
  const OptionCodes options(question);
  double sum = 0;
  int64_t pairs = 0;
  for (size_t i = 0; i < given.size(); ++i) {
    for (size_t j = i + 1; j < given.size(); ++j) {
      auto apart = distance(kind, options, *given[i], *given[j]);
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
