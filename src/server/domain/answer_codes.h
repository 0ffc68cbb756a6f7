// Answers to one question as the numbers that feedback/ works on: categories, places on a scale,
// sets, ranks. Pure rules.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "feedback/kappa.h"
#include "feedback/krippendorff.h"
#include "server/domain/dataset.h"

namespace attune::domain {

// What can be said of answers beyond whether they are equal. Texts and spans: nothing.
enum class AnswerKind { kLabel, kRating, kLabelSet, kRanking, kFree };
AnswerKind answer_kind(const Question& question);

// The answer to a question in the values of a response ({"NAME": {"value": ...}}); null where it
// has none.
const OrderedJson* value_of(const OrderedJson& values, const std::string& question);

// The options of a question in the order of their codes: as they stand, a rating's from low to
// high.
class OptionCodes {
 public:
  explicit OptionCodes(const Question& question);

  const std::vector<OrderedJson>& values() const { return values_; }
  int size() const { return static_cast<int>(values_.size()); }
  // -1 for an option that is not there any more.
  int code(const OrderedJson& value) const;
  // Sorted, without doubles.
  feedback::LabelSet label_set(const OrderedJson& values) const;
  // The rank of each option; NaN where it has none.
  std::vector<double> ranks(const OrderedJson& items) const;
  // An order of showing as codes: a list of options, or an object with such a list for each
  // question. Nothing unless it names every option once.
  std::vector<int64_t> shown(const std::string& question, const OrderedJson& order) const;

 private:
  std::vector<OrderedJson> values_;
  std::unordered_map<std::string, int> codes_;  // by the text of the value
};

// One person's answer to one record, both counted from 0 by whoever collects them.
struct CodedAnswer {
  int64_t item = 0, rater = 0;
  // A label's or rating's option; of other kinds the number of the different answer.
  int category = feedback::kNoAnswer;
  double number = 0;             // ratings
  feedback::LabelSet labels;     // sets
  std::vector<double> ranks;     // rankings
  double seconds = 0;            // spent, where known
  std::vector<int64_t> shown;    // labels, rankings: the options in the order shown, where known
};

class AnswerCoder {
 public:
  explicit AnswerCoder(const Question& question);

  AnswerKind kind() const { return kind_; }
  const OptionCodes& options() const { return options_; }
  // Nothing where the answer names an option that is not there any more.
  std::optional<CodedAnswer> code(const OrderedJson& value);
  // Categories so far: all options of labels and ratings, the different answers of other kinds.
  int categories() const;

 private:
  int number_of(const std::string& key);

  AnswerKind kind_;
  OptionCodes options_;
  std::unordered_map<std::string, int> different_;
};

}  // namespace attune::domain
