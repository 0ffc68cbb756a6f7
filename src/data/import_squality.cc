// SQuALITY's human evaluation (Wang et al. 2022): three summaries for each question about a story,
// rated from 0 to 100 and ranked by three of four workers. The file holds neither the story nor the
// question, so the prompt only names them: for agreement, not for training.

#include <unordered_map>

#include "data/import_answers.h"
#include "data/import_columns.h"
#include "data/import_readers.h"

namespace attune::data {
namespace {

constexpr const char* kAspects[] = {"correctness", "selection", "overall"};

// What one worker said of the summaries of a question, [systems] each.
struct Worker {
  std::string name;
  std::vector<std::optional<int>> ranks;
  std::vector<Axis> axes;
  OrderedJson annotations;
};

Worker new_worker(const std::string& name, size_t systems) {
  Worker worker{name, std::vector<std::optional<int>>(systems), {},
                std::vector<OrderedJson>(systems, OrderedJson::array())};
  for (const char* aspect : kAspects) {
    worker.axes.push_back({aspect, std::vector<std::optional<double>>(systems)});
  }
  return worker;
}

Status add_review(const OrderedJson& review, size_t place, Worker& worker) {
  for (Axis& axis : worker.axes) {
    axis.values[place] = TRY(optional_number_column(review, axis.name + "-rating"));
  }
  worker.ranks[place] = TRY(optional_count_column(review, "overall-rank"));
  const int given = worker.ranks[place].value_or(1);
  if (given < 1 || given > static_cast<int>(worker.ranks.size())) {
    return invalid_input("\"overall-rank\" must be from 1 to the number of systems, found {}",
                         given);
  }
  if (const OrderedJson* spans = find_column(review, "annotations")) {
    worker.annotations[place] = *spans;
  }
  return {};
}

// Every worker's reviews, in the order of first ones.
Result<std::vector<Worker>> read_workers(const OrderedJson& systems) {
  std::vector<Worker> workers;
  std::unordered_map<std::string, size_t> numbers;
  size_t place = 0;
  for (const OrderedJson& system : systems) {
    for (const OrderedJson& review : *TRY(list_column(system, "reviews"))) {
      const std::string name = TRY(optional_text_column(review, "worker_id"));
      const auto [known, fresh] = numbers.emplace(name, workers.size());
      if (fresh) workers.push_back(new_worker(name, systems.size()));
      TRY(add_review(review, place, workers[known->second]));
    }
    ++place;
  }
  return workers;
}

Status read_question(const OrderedJson& systems, Example question, ImportSink& sink) {
  if (!systems.is_object()) return invalid_input("a question must be an object of systems");
  question.form = Form::kRanking;
  std::string names;
  for (const auto& [name, system] : systems.items()) {
    question.completions.emplace_back(assistant_turn(TRY(text_column(system, "response"))));
    add_name(name, names);
  }
  question.source = Source{"", question.id, "", names};
  std::vector<Worker> workers = TRY(read_workers(systems));
  if (workers.empty()) sink.drop("nobody compared the answers");
  for (Worker& worker : workers) {
    Example one = question;  // one at a time: a stranger's file may name many workers
    one.annotator = std::move(worker.name);
    one.ranks = std::move(worker.ranks);
    one.axes = std::move(worker.axes);
    one.extra["annotations"] = std::move(worker.annotations);
    TRY(sink.keep(std::move(one)));
  }
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
