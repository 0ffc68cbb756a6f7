#include "server/domain/answer_codes.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace attune::domain {
namespace {

bool is_one_of(const feedback::LabelSet& labels, int code) {
  return std::find(labels.begin(), labels.end(), code) != labels.end();
}

// Any answer as a text that is the same for the same answer.
std::string key_of(const CodedAnswer& answer) {
  std::string key;
  for (const int label : answer.labels) key += std::to_string(label) + ",";
  for (const double rank : answer.ranks) {
    key += (std::isnan(rank) ? "-" : std::to_string(static_cast<int64_t>(rank))) + ",";
  }
  return key;
}

}  // namespace

AnswerKind answer_kind(const Question& question) {
  const std::string& type = type_of(question.settings);
  if (type == "label_selection") return AnswerKind::kLabel;
  if (type == "rating") return AnswerKind::kRating;
  if (type == "multi_label_selection") return AnswerKind::kLabelSet;
  if (type == "ranking") return AnswerKind::kRanking;
  return AnswerKind::kFree;
}

const OrderedJson* value_of(const OrderedJson& values, const std::string& question) {
  const auto answer = values.find(question);
  if (answer == values.end()) return nullptr;
  const auto value = answer->find("value");
  return value == answer->end() ? nullptr : &*value;
}

OptionCodes::OptionCodes(const Question& question) {
  const auto options = question.settings.find("options");
  if (options == question.settings.end()) return;
  for (const OrderedJson& option : *options) values_.push_back(option.at("value"));
  if (answer_kind(question) == AnswerKind::kRating) {
    std::sort(values_.begin(), values_.end(), [](const OrderedJson& a, const OrderedJson& b) {
      return a.get<double>() < b.get<double>();
    });
  }
  for (size_t i = 0; i < values_.size(); ++i) {
    codes_.emplace(to_line(values_[i]), static_cast<int>(i));
  }
}

int OptionCodes::code(const OrderedJson& value) const {
  const auto found = codes_.find(to_line(value));
  return found == codes_.end() ? feedback::kNoAnswer : found->second;
}

feedback::LabelSet OptionCodes::label_set(const OrderedJson& values) const {
  feedback::LabelSet labels;
  for (const OrderedJson& value : values) labels.push_back(code(value));
  std::sort(labels.begin(), labels.end());
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  return labels;
}

std::vector<double> OptionCodes::ranks(const OrderedJson& items) const {
  std::vector<double> ranks(values_.size(), std::numeric_limits<double>::quiet_NaN());
  for (const OrderedJson& item : items) {
    const int index = code(item.at("value"));
    const auto rank = item.find("rank");
    if (index < 0 || rank == item.end() || rank->is_null()) continue;
    ranks[static_cast<size_t>(index)] = rank->get<double>();
  }
  return ranks;
}

std::vector<int64_t> OptionCodes::shown(const std::string& question,
                                        const OrderedJson& order) const {
  if (order.is_object()) {
    const auto found = order.find(question);
    return found == order.end() ? std::vector<int64_t>() : shown(question, *found);
  }
  if (!order.is_array() || order.size() != values_.size()) return {};
  std::vector<int64_t> codes;
  for (const OrderedJson& value : order) codes.push_back(code(value));
  std::vector<int64_t> sorted = codes;
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (sorted[i] != static_cast<int64_t>(i)) return {};
  }
  return codes;
}

AnswerCoder::AnswerCoder(const Question& question)
    : kind_(answer_kind(question)), options_(question) {}

int AnswerCoder::number_of(const std::string& key) {
  return different_.emplace(key, static_cast<int>(different_.size())).first->second;
}

int AnswerCoder::categories() const {
  const bool by_option = kind_ == AnswerKind::kLabel || kind_ == AnswerKind::kRating;
  return by_option ? options_.size() : static_cast<int>(different_.size());
}

std::optional<CodedAnswer> AnswerCoder::code(const OrderedJson& value) {
  CodedAnswer answer;
  switch (kind_) {
    case AnswerKind::kLabel:
    case AnswerKind::kRating:
      answer.category = options_.code(value);
      if (answer.category < 0) return std::nullopt;
      if (kind_ == AnswerKind::kRating) answer.number = value.get<double>();
      return answer;
    case AnswerKind::kLabelSet:
      answer.labels = options_.label_set(value);
      if (is_one_of(answer.labels, feedback::kNoAnswer)) return std::nullopt;
      break;
    case AnswerKind::kRanking: answer.ranks = options_.ranks(value); break;
    case AnswerKind::kFree: answer.category = number_of(to_line(value)); return answer;
  }
  answer.category = number_of(key_of(answer));
  return answer;
}

}  // namespace attune::domain
