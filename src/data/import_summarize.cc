// OpenAI's summarize_from_feedback (Stiennon et al. 2020): comparisons of two summaries of a post
// or an article by one worker, and evaluations of one summary on several axes from 1 to 7. Prompts
// are those that its models were given (their texts begin where the prompt ends: after "TL;DR:" and
// a blank, or after "TL;DR:\n").

#include "data/import_columns.h"
#include "data/import_readers.h"

namespace attune::data {
namespace {

Result<std::string> prompt(const OrderedJson& row) {
  const OrderedJson* info = find_column(row, "info");
  if (info == nullptr || !info->is_object()) return invalid_input("\"info\" must be an object");
  if (find_column(*info, "article") != nullptr) {
    return "Article:\n" + TRY(text_column(*info, "article", "info.")) + "\n\nTL;DR:\n";
  }
  return "SUBREDDIT: r/" + TRY(text_column(*info, "subreddit", "info.")) +
         "\n\nTITLE: " + TRY(text_column(*info, "title", "info.")) +
         "\n\nPOST: " + TRY(text_column(*info, "post", "info.")) + "\n\nTL;DR:";
}

// What both kinds of rows have in common.
Result<Example> start(const OrderedJson& row) {
  Example example;
  example.prompt = TRY(prompt(row));
  example.annotator = TRY(optional_text_column(row, "worker"));
  example.id = TRY(optional_text_column(row["info"], "id"));
  OrderedJson about = row["info"];
  for (const char* used : {"id", "post", "article"}) about.erase(used);
  example.extra["info"] = about;
  return example;
}

struct Summary {
  std::string text;
  std::string policy;
  OrderedJson note;
};

Result<Summary> summary(const OrderedJson& value, const std::string& where) {
  Summary result;
  result.text = TRY(text_column(value, "text", where));
  result.policy = TRY(optional_text_column(value, "policy"));
  if (const OrderedJson* note = find_column(value, "note")) result.note = *note;
  return result;
}

Status read_comparison(const OrderedJson& row, ImportSink& sink) {
  Example example = TRY(start(row));
  const OrderedJson& summaries = *TRY(list_column(row, "summaries"));
  if (summaries.size() != 2) return invalid_input("\"summaries\" must be a list of two");
  const Summary first = TRY(summary(summaries[0], "summaries[0]."));
  const Summary second = TRY(summary(summaries[1], "summaries[1]."));
  const std::optional<int> choice = TRY(optional_count_column(row, "choice"));
  if (!choice || *choice > 1) return invalid_input("\"choice\" must be 0 or 1");
  const Summary& chosen = *choice == 0 ? first : second;
  const Summary& rejected = *choice == 0 ? second : first;
  if (chosen.text == rejected.text) sink.note("both answers are equal");
  example.form = Form::kPreference;
  example.chosen = chosen.text;
  example.rejected = rejected.text;
  example.source = Source{"", example.id, "", first.policy + ", " + second.policy};
  example.extra["choice"] = *choice;  // which one was shown first
  example.extra["policies"] = {chosen.policy, rejected.policy};
  example.extra["notes"] = {chosen.note, rejected.note};
  if (const OrderedJson* extra = find_column(row, "extra"); extra != nullptr) {
    const OrderedJson* confidence = find_column(*extra, "confidence");
    if (confidence != nullptr) example.extra["confidence"] = *confidence;
  }
  keep_other_columns(row, {"info", "summaries", "choice", "worker", "extra"}, example);
  return sink.keep(std::move(example));
}

Status read_evaluation(const OrderedJson& row, ImportSink& sink) {
  Example example = TRY(start(row));
  const OrderedJson& value = *find_column(row, "summary");
  const Summary judged = TRY(summary(value, "summary."));
  const OrderedJson* axes = find_column(value, "axes");
  if (axes == nullptr || !axes->is_object()) {
    return invalid_input("\"summary.axes\" must be an object of numbers");
  }
  for (const auto& [name, number] : axes->items()) {
    if (!number.is_number() && !number.is_null()) {
      return invalid_input("\"summary.axes.{}\" must be a number, found {}", name,
                           number.type_name());
    }
    std::optional<double> given;
    if (number.is_number()) given = number.get<double>();
    example.axes.push_back({name, {given}});
  }
  example.form = Form::kCompletion;
  example.completion = judged.text;
  example.source = Source{"", example.id, "", judged.policy};
  if (!judged.note.is_null()) example.extra["note"] = judged.note;
  keep_other_columns(row, {"info", "summary", "worker"}, example);
  return sink.keep(std::move(example));
}

}  // namespace

Status read_summarize(const OrderedJson& row, const ImportOptions&, ImportSink& sink) {
  if (find_column(row, "summaries") != nullptr) return read_comparison(row, sink);
  if (find_column(row, "summary") != nullptr) return read_evaluation(row, sink);
  return invalid_input("neither \"summaries\" (a comparison) nor \"summary\" (an evaluation)");
}

}  // namespace attune::data
