// AlpacaFarm (Dubois et al. 2023) and AlpacaEval (Li et al. 2023): two models' answers to an
// instruction and which of them a person, or a model in a person's place, preferred; and
// AlpacaEval's files of one model's answers. All comparisons become rankings in the order in which
// the row has the answers.

#include <cmath>

#include "data/import_answers.h"
#include "data/import_columns.h"
#include "data/import_readers.h"

namespace attune::data {
namespace {

Result<Messages> prompt_of(const OrderedJson& row) {
  std::string prompt = TRY(text_column(row, "instruction"));
  const std::string input = TRY(optional_text_column(row, "input"));
  if (!input.empty()) prompt += "\n\n" + input;
  return user_turn(prompt);
}

// Who compared: by name, or by number where four people saw each pair.
Result<std::string> annotator_of(const OrderedJson& row) {
  const std::string name = TRY(optional_text_column(row, "annotator"));
  if (!name.empty()) return name;
  return optional_text_column(row, "annotator_index");
}

// 1 and 2 name the better answer, 0 and 1.5 are ties. AlpacaEval 2's judges give one more than the
// probability that the second is preferred.
Result<std::optional<double>> preference_of(const OrderedJson& row) {
  const std::optional<double> preference = TRY(optional_number_column(row, "preference"));
  if (!preference || *preference == 0) return preference ? std::optional(1.5) : std::nullopt;
  if (*preference < 1 || *preference > 2) {
    return invalid_input("\"preference\" must be from 1 to 2, or 0 for a tie, found {}",
                         *preference);
  }
  return preference;
}

bool is_probability(double preference) {
  return std::floor(2 * preference) != 2 * preference;
}

Status read_comparison(const OrderedJson& row, ImportSink& sink) {
  Example example;
  example.prompt = TRY(prompt_of(row));
  const std::string first = TRY(text_column(row, "output_1"));
  const std::string second = TRY(text_column(row, "output_2"));
  example.annotator = TRY(annotator_of(row));
  std::string models;
  for (const char* name : {"generator_1", "generator_2"}) {
    add_name(TRY(optional_text_column(row, name)), models);
  }
  example.source = Source{"", "", "", models};
  // Not kept: raw_completion, a judge's words with their log-probabilities, which preference sums
  // up.
  keep_other_columns(row,
                     {"instruction", "input", "output_1", "output_2", "preference", "annotator",
                      "annotator_index", "generator_1", "generator_2", "raw_completion"},
                     example);
  const std::optional<double> preference = TRY(preference_of(row));
  if (!preference) {
    sink.drop("nobody compared the answers");
    return {};
  }
  if (is_probability(*preference)) example.scores = {2 - *preference, *preference - 1};
  return keep_two(std::move(example), first, second, *preference - 1.5, sink);
}

}  // namespace

Status read_alpaca_farm(const OrderedJson& row, const ImportOptions&, ImportSink& sink) {
  return read_comparison(row, sink);
}

Status read_alpaca_eval(const OrderedJson& row, const ImportOptions&, ImportSink& sink) {
  if (find_column(row, "output") == nullptr) return read_comparison(row, sink);
  Example example;
  example.form = Form::kCompletion;
  example.prompt = TRY(prompt_of(row));
  const std::string answer = TRY(text_column(row, "output"));
  if (answer.empty()) sink.note("an empty answer");
  example.completion = assistant_turn(answer);
  example.source = Source{"", "", "", TRY(optional_text_column(row, "generator"))};
  keep_other_columns(row, {"instruction", "input", "output", "generator"}, example);
  return sink.keep(std::move(example));
}

}  // namespace attune::data
