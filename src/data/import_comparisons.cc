// Sets that compare or score two or more answers to one prompt: GPT-4-LLM's comparisons, WebGPT
// (Nakano et al. 2021), the Stanford Human Preferences (Ethayarajh et al. 2022) and HelpSteer (Wang
// et al. 2023, 2024). All become rankings in the order in which the row has the answers, so that a
// bias towards a position can still be measured.

#include <limits>

#include "data/import_answers.h"
#include "data/import_columns.h"
#include "data/import_readers.h"

namespace attune::data {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// {"user_input", "responses_and_scores": [{"response", "source", "score"}]}, since 2023-04-15.
Status read_scored_responses(const OrderedJson& row, Example example, ImportSink& sink) {
  std::string models;
  for (const OrderedJson& one : *TRY(list_column(row, "responses_and_scores"))) {
    example.completions.emplace_back(assistant_turn(TRY(text_column(one, "response"))));
    example.scores.push_back(TRY(optional_number_column(one, "score")).value_or(kNone));
    add_name(TRY(optional_text_column(one, "source")), models);
  }
  example.source = Source{"", "", "", models.empty() ? "" : models + "; scored by gpt-4"};
  keep_other_columns(row, {"user_input", "responses_and_scores"}, example);
  return keep_scored(std::move(example), sink);
}

struct WebGptSide {
  std::string answer;
  double score = 0;
  OrderedJson quotes;
};

// `suffix` is "_0" or "_1" in the hub's edition, "" in the raw file's halves.
Result<WebGptSide> webgpt_side(const OrderedJson& half, const std::string& suffix) {
  WebGptSide side;
  side.answer = TRY(text_column(half, "answer" + suffix));
  side.score = TRY(number_column(half, "score" + suffix));
  if (const OrderedJson* quotes = find_column(half, "quotes" + suffix)) side.quotes = *quotes;
  return side;
}

// GPT-2's numbers of the answers' tokens are not kept: the answers are.
Status keep_webgpt(const OrderedJson& first, const WebGptSide& a, const WebGptSide& b,
                   ImportSink& sink) {
  const OrderedJson* question = find_column(first, "question");
  if (question == nullptr) return invalid_input("\"question\" must be an object, found nothing");
  Example example;
  example.prompt = user_turn(TRY(text_column(*question, "full_text", "question.")));
  OrderedJson about = *question;
  about.erase("full_text");
  if (!about.empty()) example.extra["question"] = about;
  example.extra["quotes"] = {a.quotes, b.quotes};
  example.completions = {assistant_turn(a.answer), assistant_turn(b.answer)};
  example.scores = {a.score, b.score};
  if (a.score == 0 && b.score == 0) sink.note("neither answer was preferred: a tie");
  return keep_scored(std::move(example), sink);
}

// One answer with how it was rated on several axes.
Status keep_rated(Example example, const std::vector<std::pair<std::string, double>>& ratings,
                  ImportSink& sink) {
  for (const auto& [name, value] : ratings) example.axes.push_back({name, {value}});
  return sink.keep(std::move(example));
}

constexpr const char* kHelpSteerAxes[] = {"helpfulness", "correctness", "coherence", "complexity",
                                          "verbosity"};

// HelpSteer2's `disagreements`: each axis is a list, one number for each annotator.
Status keep_each_annotator(const OrderedJson& row, const Example& example, ImportSink& sink) {
  const size_t people = TRY(list_column(row, kHelpSteerAxes[0]))->size();
  std::vector<std::vector<std::pair<std::string, double>>> said(people);
  for (const char* axis : kHelpSteerAxes) {
    const OrderedJson& values = *TRY(list_column(row, axis));
    if (values.size() != people) {
      return invalid_input("\"{}\" has {} numbers, \"{}\" {}", axis, values.size(),
                           kHelpSteerAxes[0], people);
    }
    for (size_t i = 0; i < people; ++i) {
      const auto number = TRY(number_of(values[i], axis));
      if (number) said[i].emplace_back(axis, *number);
    }
  }
  if (people == 0) sink.drop("nobody rated the answer");
  for (size_t i = 0; i < people; ++i) {
    Example one = example;
    one.annotator = fmt::format("annotator{}", i + 1);
    TRY(keep_rated(std::move(one), said[i], sink));
  }
  return {};
}

}  // namespace

Status read_gpt4_comparisons(const OrderedJson& row, const ImportOptions&, ImportSink& sink) {
  Example example;
  example.prompt = user_turn(TRY(text_column(row, "user_input")));
  if (find_column(row, "responses_and_scores") != nullptr) {
    return read_scored_responses(row, std::move(example), sink);
  }
  const std::string better = TRY(text_column(row, "completion_a"));
  const std::string worse = TRY(text_column(row, "completion_b"));
  keep_other_columns(row, {"user_input", "completion_a", "completion_b"}, example);
  return keep_two(std::move(example), better, worse, -1, sink);
}

Status read_webgpt(const OrderedJson& row, const ImportOptions&, ImportSink& sink) {
  const bool is_raw = row.is_array();
  if (is_raw && row.size() != 2) return invalid_input("a comparison must be a list of two answers");
  const OrderedJson& first = is_raw ? row[0] : row;
  const OrderedJson& second = is_raw ? row[1] : row;
  const WebGptSide a = TRY(webgpt_side(first, is_raw ? "" : "_0"));
  const WebGptSide b = TRY(webgpt_side(second, is_raw ? "" : "_1"));
  return keep_webgpt(first, a, b, sink);
}

Status read_shp(const OrderedJson& row, const ImportOptions&, ImportSink& sink) {
  Example example;
  example.prompt = user_turn(TRY(text_column(row, "history")));
  const std::string first = TRY(text_column(row, "human_ref_A"));
  const std::string second = TRY(text_column(row, "human_ref_B"));
  const std::optional<int> preferred = TRY(optional_count_column(row, "labels"));
  if (!preferred || *preferred > 1) return invalid_input("\"labels\" must be 1 (A) or 0 (B)");
  const std::string a = TRY(optional_text_column(row, "c_root_id_A"));
  const std::string b = TRY(optional_text_column(row, "c_root_id_B"));
  if (!a.empty() && !b.empty()) example.source = Source{"", a + "/" + b, "", ""};
  keep_other_columns(row, {"history", "human_ref_A", "human_ref_B", "labels"}, example);
  return keep_two(std::move(example), first, second, *preferred == 1 ? -1 : 1, sink);
}

Status read_helpsteer(const OrderedJson& row, const ImportOptions&, ImportSink& sink) {
  Example example;
  example.form = Form::kCompletion;
  example.prompt = user_turn(TRY(text_column(row, "prompt")));
  example.completion = assistant_turn(TRY(text_column(row, "response")));
  keep_other_columns(row,
                     {"prompt", "response", "helpfulness", "correctness", "coherence",
                      "complexity", "verbosity"},
                     example);
  const OrderedJson* helpfulness = find_column(row, kHelpSteerAxes[0]);
  if (helpfulness != nullptr && helpfulness->is_array()) {
    return keep_each_annotator(row, example, sink);
  }
  std::vector<std::pair<std::string, double>> ratings;
  for (const char* axis : kHelpSteerAxes) {
    const auto number = TRY(optional_number_column(row, axis));
    if (number) ratings.emplace_back(axis, *number);
  }
  return keep_rated(std::move(example), ratings, sink);
}

Status read_helpsteer_preference(const OrderedJson& row, const ImportOptions&, ImportSink& sink) {
  const bool third = find_column(row, "context") != nullptr;  // HelpSteer3
  const std::string strength = third ? "overall_preference" : "preference_strength";
  const std::string names[] = {third ? "response1" : "response_1",
                               third ? "response2" : "response_2"};
  Example example;
  if (third) {
    example.prompt = TRY(messages_column(row, "context"));
  } else {
    example.prompt = user_turn(TRY(text_column(row, "prompt")));
  }
  const std::string first = TRY(text_column(row, names[0]));
  const std::string second = TRY(text_column(row, names[1]));
  const double preference = TRY(number_column(row, strength));
  example.extra[strength] = preference;
  keep_other_columns(row, {"prompt", "context", names[0], names[1], strength}, example);
  return keep_two(std::move(example), first, second, preference, sink);
}

}  // namespace attune::data
