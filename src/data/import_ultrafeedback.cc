// UltraFeedback (Cui et al. 2023): several models' answers to an instruction, each rated by GPT-4
// on four aspects. An answer's score is the mean of its ratings, not the published overall_score,
// which had 2,628 tens that should be ones; equal scores tie.

#include <algorithm>
#include <cmath>
#include <limits>

#include "data/import.h"
#include "data/import_columns.h"
#include "feedback/rankings_to_pairs.h"

namespace attune::data {
namespace {

constexpr const char* kAspects[] = {"instruction_following", "honesty", "truthfulness",
                                    "helpfulness"};

constexpr double kRatingMax = 1e6;  // far above any scale; sums of ratings stay finite

// A rating is a number or its digits; "N/A" and nothing are no rating.
Result<std::optional<double>> rating(const OrderedJson& answer, const char* aspect) {
  const OrderedJson* annotations = find_column(answer, "annotations");
  const OrderedJson* one = annotations ? find_column(*annotations, aspect) : nullptr;
  const OrderedJson* value = one ? find_column(*one, "Rating") : nullptr;
  if (value == nullptr || *value == "N/A") return std::optional<double>();
  const bool is_rating = value->is_number() && std::abs(value->get<double>()) <= kRatingMax;
  if (is_rating) return std::optional<double>(value->get<double>());
  const std::string text = value->is_string() ? value->get<std::string>() : "";
  const bool is_digit = text.size() == 1 && text[0] >= '0' && text[0] <= '9';
  if (!is_digit) {
    return invalid_input("the Rating of \"{}\" must be a number or \"N/A\", found {}", aspect,
                         to_line(*value).substr(0, 40));
  }
  return std::optional<double>(text[0] - '0');
}

class UltraFeedbackImporter : public Importer {
 public:
  Status read_row(const OrderedJson& row, ImportSink& sink) override {
    Example example;
    example.form = Form::kRanking;
    example.prompt = user_turn(TRY(text_column(row, "instruction")));
    for (const char* aspect : kAspects) example.axes.push_back({aspect, {}});
    std::string models;
    for (const OrderedJson& answer : *TRY(list_column(row, "completions"))) {
      TRY(add_answer(answer, example));
      const std::string model = TRY(optional_text_column(answer, "model"));
      models += (models.empty() || model.empty() ? "" : ", ") + model;
    }
    example.ranks = feedback::ranks_of_scores(example.scores);
    if (feedback::find_ranking_fault(example.ranks)) {
      sink.drop("fewer than two rated answers");
      return {};
    }
    const auto unrated = [](double score) { return std::isnan(score); };
    if (std::any_of(example.scores.begin(), example.scores.end(), unrated)) {
      sink.note("an answer without a rating; the row has no scores");
      example.scores.clear();
    }
    example.source = Source{"", "", "", models};
    keep_other_columns(row, {"instruction", "completions"}, example);
    return sink.keep(std::move(example));
  }

 private:
  // The score of an answer without any rating is NaN.
  static Status add_answer(const OrderedJson& answer, Example& example) {
    example.completions.emplace_back(assistant_turn(TRY(text_column(answer, "response"))));
    double sum = 0;
    int ratings = 0;
    for (Axis& axis : example.axes) {
      axis.values.push_back(TRY(rating(answer, axis.name.c_str())));
      sum += axis.values.back().value_or(0);
      ratings += axis.values.back().has_value();
    }
    example.scores.push_back(ratings > 0 ? sum / ratings
                                         : std::numeric_limits<double>::quiet_NaN());
    return {};
  }
};

}  // namespace

std::unique_ptr<Importer> make_ultrafeedback_importer(const ImportOptions&) {
  return std::make_unique<UltraFeedbackImporter>();
}

}  // namespace attune::data
