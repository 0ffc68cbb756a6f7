// PandaLM's test set (Wang et al. 2023): two answers and what each of three annotators said of
// them, 0 a tie, 1 or 2 the better one. Nobody's answer is merged into another's: one ranking for
// each annotator.

#include "data/import_columns.h"
#include "data/import_readers.h"

namespace attune::data {
namespace {

constexpr const char* kAnnotators[] = {"annotator1", "annotator2", "annotator3"};

// Six responses of the published file are the JSON value true, where a model wrote "True".
Result<std::string> response(const OrderedJson& row, const char* name, ImportSink& sink) {
  const OrderedJson* value = find_column(row, name);
  if (value == nullptr || !value->is_boolean()) return text_column(row, name);
  sink.note("a response that is true or false was read as a text", name);
  return std::string(value->get<bool>() ? "True" : "False");
}

// Nothing when the annotator said nothing.
Result<std::optional<std::vector<std::optional<int>>>> ranks(const OrderedJson& row,
                                                             const char* annotator) {
  const std::optional<int> choice = TRY(optional_count_column(row, annotator));
  using Ranks = std::vector<std::optional<int>>;
  if (!choice) return std::optional<Ranks>();
  if (*choice > 2) return invalid_input("\"{}\" must be 0, 1 or 2, found {}", annotator, *choice);
  if (*choice == 0) return std::optional<Ranks>(Ranks{1, 1});
  return std::optional<Ranks>(*choice == 1 ? Ranks{1, 2} : Ranks{2, 1});
}

// "bloom-7b_llama-7b" names the models of both answers.
std::string models(const std::string& key) {
  const size_t cut = key.find('_');
  if (cut == std::string::npos) return key;
  return key.substr(0, cut) + ", " + key.substr(cut + 1);
}

}  // namespace

Status read_pandalm(const OrderedJson& row, const ImportOptions&, ImportSink& sink) {
  std::string prompt = TRY(text_column(row, "instruction"));
  const std::string input = TRY(optional_text_column(row, "input"));
  if (!input.empty()) prompt += "\n\n" + input;
  Example example;
  example.form = Form::kRanking;
  example.prompt = user_turn(prompt);
  for (const char* name : {"response1", "response2"}) {
    const std::string text = TRY(response(row, name, sink));
    if (text.empty()) sink.note("an empty answer", name);
    example.completions.emplace_back(assistant_turn(text));
  }
  const std::string id = TRY(optional_text_column(row, "idx"));
  const std::string key = TRY(optional_text_column(row, "cmp_key"));
  example.source = Source{"", id, "", models(key)};
  keep_other_columns(row,
                     {"idx", "instruction", "input", "response1", "response2", "annotator1",
                      "annotator2", "annotator3"},
                     example);
  std::vector<Example> judged;
  for (const char* annotator : kAnnotators) {
    const auto given = TRY(ranks(row, annotator));
    if (!given) continue;
    judged.push_back(example);
    judged.back().id = id.empty() ? "" : id + "/" + annotator;
    judged.back().annotator = annotator;
    judged.back().ranks = *given;
  }
  if (judged.empty()) sink.drop("nobody compared the answers");
  for (Example& one : judged) TRY(sink.keep(std::move(one)));
  return {};
}

}  // namespace attune::data
