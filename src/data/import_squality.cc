// SQuALITY's human evaluation (Wang et al. 2022): three summaries for each question about a story,
// rated from 0 to 100 and ranked by three of four workers. The file holds neither the story nor the
// question, so the prompt only names them: for agreement, not for training.

#include "data/import_answers.h"
#include "data/import_columns.h"
#include "data/import_readers.h"

namespace attune::data {
namespace {

constexpr const char* kAspects[] = {"correctness", "selection", "overall"};


Status add_review(const OrderedJson& review, size_t place, Example& example) {
  for (const char* aspect : kAspects) {
    const std::string rating = fmt::format("{}-rating", aspect);
    const std::string rank = fmt::format("{}-rank", aspect);
    const auto value = TRY(optional_number_column(review, rating));
    for (Axis& axis : example.axes) {
      if (axis.name == aspect) axis.values[place] = value;
    }
    if (std::string_view(aspect) == "overall") {
      example.ranks[place] = TRY(optional_count_column(review, rank));
      const int given = example.ranks[place].value_or(1);
      if (given < 1 || given > static_cast<int>(example.ranks.size())) {
        return invalid_input("\"{}\" must be from 1 to the number of systems, found {}", rank,
                             given);
      }
    }
  }
  if (const OrderedJson* spans = find_column(review, "annotations")) {
    example.extra["annotations"][place] = *spans;
  }
  return {};
}

// The example of that worker, made when it is the first review of hers.
Example& of_worker(const std::string& worker, const Example& question,
                   std::vector<Example>& examples) {
  for (Example& one : examples) {
    if (one.annotator == worker) return one;
  }
  examples.push_back(question);
  examples.back().annotator = worker;
  return examples.back();
}

Status read_question(const OrderedJson& systems, Example question, ImportSink& sink) {
  if (!systems.is_object()) return invalid_input("a question must be an object of systems");
  question.form = Form::kRanking;
  const size_t count = systems.size();
  std::string names;
  for (const auto& [name, system] : systems.items()) {
    question.completions.emplace_back(assistant_turn(TRY(text_column(system, "response"))));
    add_name(name, names);
  }
  question.ranks.resize(count);
  for (const char* aspect : kAspects) {
    question.axes.push_back({aspect, std::vector<std::optional<double>>(count)});
  }
  question.extra["annotations"] = std::vector<OrderedJson>(count, OrderedJson::array());
  question.source = Source{"", question.id, "", names};
  std::vector<Example> examples;
  size_t place = 0;
  for (const OrderedJson& system : systems) {
    for (const OrderedJson& review : *TRY(list_column(system, "reviews"))) {
      const std::string worker = TRY(optional_text_column(review, "worker_id"));
      TRY(add_review(review, place, of_worker(worker, question, examples)));
    }
    ++place;
  }
  if (examples.empty()) sink.drop("nobody compared the answers");
  for (Example& one : examples) TRY(sink.keep(std::move(one)));
  return {};
}

}  // namespace

Status read_squality(const OrderedJson& row, const ImportOptions&, ImportSink& sink) {
  const std::string passage = TRY(text_column(row, "passage-id"));
  const OrderedJson* questions = find_column(row, "questions");
  if (questions == nullptr || !questions->is_object()) {
    return invalid_input("\"questions\" must be an object");
  }
  for (const auto& [number, systems] : questions->items()) {
    Example question;
    question.id = passage + "/" + number;
    question.prompt = user_turn(fmt::format("Story {}, question {}", passage, number));
    TRY(read_question(systems, std::move(question), sink));
  }
  return {};
}

}  // namespace attune::data
