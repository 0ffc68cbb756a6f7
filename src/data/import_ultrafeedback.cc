// UltraFeedback (Cui et al. 2023): several models' answers to an instruction, each rated by GPT-4
// on four aspects. An answer's score is the mean of its ratings, not the published overall_score,
// which had 2,628 tens that should be ones; equal scores tie. The binarised editions hold two whole
// conversations a row.

#include <limits>

#include "data/import_answers.h"
#include "data/import_columns.h"
#include "data/import_readers.h"

namespace attune::data {
namespace {

constexpr const char* kAspects[] = {"instruction_following", "honesty", "truthfulness",
                                    "helpfulness"};

// "N/A" and nothing are no rating.
Result<std::optional<double>> rating(const OrderedJson& answer, const char* aspect) {
  const OrderedJson* annotations = find_column(answer, "annotations");
  const OrderedJson* one = annotations ? find_column(*annotations, aspect) : nullptr;
  const OrderedJson* value = one ? find_column(*one, "Rating") : nullptr;
  if (value == nullptr) return std::optional<double>();
  return number_of(*value, fmt::format("annotations.{}.Rating", aspect));
}

// The score of an answer without any rating is NaN.
Status add_answer(const OrderedJson& answer, Example& example) {
  example.completions.emplace_back(assistant_turn(TRY(text_column(answer, "response"))));
  double sum = 0;
  int ratings = 0;
  for (Axis& axis : example.axes) {
    axis.values.push_back(TRY(rating(answer, axis.name.c_str())));
    sum += axis.values.back().value_or(0);
    ratings += axis.values.back().has_value();
  }
  example.scores.push_back(ratings > 0 ? sum / ratings : std::numeric_limits<double>::quiet_NaN());
  return {};
}

// "chosen-rating" of Argilla's edition, "score_chosen" of the first one.
Result<std::optional<double>> pair_score(const OrderedJson& row, const char* side) {
  for (const std::string& name : {"score_" + std::string(side), std::string(side) + "-rating"}) {
    if (const OrderedJson* value = find_column(row, name)) return TRY(number_of(*value, name));
  }
  return std::optional<double>();
}

}  // namespace

Status read_ultrafeedback(const OrderedJson& row, const ImportOptions&, ImportSink& sink) {
  Example example;
  example.prompt = user_turn(TRY(text_column(row, "instruction")));
  for (const char* aspect : kAspects) example.axes.push_back({aspect, {}});
  std::string models;
  for (const OrderedJson& answer : *TRY(list_column(row, "completions"))) {
    TRY(add_answer(answer, example));
    add_name(TRY(optional_text_column(answer, "model")), models);
  }
  example.source = Source{"", "", "", models};
  keep_other_columns(row, {"instruction", "completions"}, example);
  return keep_scored(std::move(example), sink);
}

Status read_ultrafeedback_binarized(const OrderedJson& row, const ImportOptions&,
                                    ImportSink& sink) {
  Messages chosen = TRY(messages_column(row, "chosen"));
  Messages rejected = TRY(messages_column(row, "rejected"));
  const auto good = TRY(pair_score(row, "chosen"));
  const auto bad = TRY(pair_score(row, "rejected"));
  std::string models;
  for (const char* name : {"chosen-model", "rejected-model"}) {
    add_name(TRY(optional_text_column(row, name)), models);
  }
  Example example;
  example.source = Source{"", TRY(optional_text_column(row, "prompt_id")), "", models};
  keep_other_columns(row, {"prompt", "chosen", "rejected", "messages"}, example);
  if (good && bad && *good == *bad) {
    sink.drop("both answers have the same score");
    return {};
  }
  return keep_conversation_pair(std::move(example), std::move(chosen), std::move(rejected), sink);
}

}  // namespace attune::data
