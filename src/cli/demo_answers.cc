#include "cli/demo_answers.h"

#include "cli/engine_session.h"
#include "cli/rows_io.h"

namespace attune::cli {
namespace {

constexpr int64_t kInFlight = 64;

OrderedJson as_turn(const std::string& text) {
  return OrderedJson::array({{{"role", "assistant"}, {"content", text}}});
}

// Answers in the order of the questions, each sampled with a stream of its own.
Status ask(EngineSession& session, const std::vector<DemoQuestion>& questions,
           const OrderedJson& sampling, std::vector<RubricAnswer>& answers) {
  std::vector<OrderedJson> requests;
  for (const DemoQuestion& question : questions) {
    OrderedJson request = sampling;
    request["kind"] = "generate";
    request["messages"] = question.prompt;
    request["num_return_sequences"] = 1;
    request["stream_index"] = requests.size() + 1;
    requests.push_back(std::move(request));
  }
  auto take = [&](size_t index, const Json& done) -> Status {
    const Json* completions = find(done, "completions");
    if (completions == nullptr || !completions->is_array() || completions->empty()) {
      return make_error(ErrorCode::kInternal, "the engine sent no answer to {}",
                        questions[index].id);
    }
    answers[index].text = TRY(get_string((*completions)[0], "text"));
    answers[index].hit_limit = TRY(get_string((*completions)[0], "finish_reason")) == "length";
    return {};
  };
  return session.run(requests, kInFlight, take, [&](size_t i) { return questions[i].id; });
}

// One request per question with all answers as its completions: the engine computes each prompt
// once.
Status add_log_probs(EngineSession& session, const std::vector<DemoQuestion>& questions,
                     std::vector<RubricAnswer>& answers) {
  OrderedJson completions = OrderedJson::array();
  for (RubricAnswer& answer : answers) {
    completions.push_back(as_turn(answer.text));
    answer.mean_log_probs.assign(questions.size(), 0.0);
  }
  std::vector<OrderedJson> requests;
  for (const DemoQuestion& question : questions) {
    requests.push_back(
        {{"kind", "score"}, {"prompt", question.prompt}, {"completions", completions}});
  }
  auto take = [&](size_t index, const Json& done) -> Status {
    const Json* scores = find(done, "scores");
    if (scores == nullptr || !scores->is_array() || scores->size() != answers.size()) {
      return make_error(ErrorCode::kInternal, "the engine did not score all answers to {}",
                        questions[index].id);
    }
    for (size_t i = 0; i < answers.size(); ++i) {
      answers[i].mean_log_probs[index] = TRY(get_double((*scores)[i], "mean_logprob"));
    }
    return {};
  };
  return session.run(requests, kInFlight, take, [&](size_t i) { return questions[i].id; });
}

}  // namespace

Result<std::vector<DemoQuestion>> read_questions(const std::string& path) {
  std::vector<DemoQuestion> questions;
  for (const data::Row& row : TRY(read_input_rows(path))) {
    const OrderedJson& value = row.value;
    bool usable = value.is_object() && value.contains("id") && value["id"].is_string() &&
                  value.contains("prompt") && value["prompt"].is_array() &&
                  !value["prompt"].empty() && value["prompt"].back().is_object() &&
                  value["prompt"].back().contains("content") &&
                  value["prompt"].back()["content"].is_string();
    if (!usable) {
      return invalid_input("{} row {}: needs \"id\" and a \"prompt\" of messages", path,
                           row.number);
    }
    questions.push_back({value["id"].get<std::string>(),
                         value["prompt"].back()["content"].get<std::string>(), value["prompt"]});
  }
  if (questions.empty()) return invalid_input("{}: holds no question", path);
  return questions;
}

Result<DemoAnswers> ask_and_score(const std::string& model,
                                  const std::vector<DemoQuestion>& questions,
                                  const AskOptions& options) {
  EngineSession session = TRY(
      EngineSession::start(Json{{"model_name_or_path", model}, {"model_revision", "main"}}));
  std::vector<RubricAnswer> answers(questions.size());
  TRY(ask(session, questions, options.sampling, answers));
  DemoAnswers result;
  for (const RubricAnswer& answer : answers) result.texts.push_back(answer.text);
  const std::vector<size_t> sets = rubric_sets(questions.size(), options.set_size);
  for (size_t set = 0; set + 1 < sets.size(); ++set) {
    const auto begin = static_cast<std::ptrdiff_t>(sets[set]);
    const auto end = static_cast<std::ptrdiff_t>(sets[set + 1]);
    const std::vector<DemoQuestion> asked(questions.begin() + begin, questions.begin() + end);
    std::vector<RubricAnswer> compared(answers.begin() + begin, answers.begin() + end);
    TRY(add_log_probs(session, asked, compared));
    for (const RubricScore& score : score_answers(compared)) result.scores.push_back(score);
  }
  return result;
}

}  // namespace attune::cli
