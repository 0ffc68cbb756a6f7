#include "cli/evaluate_rows.h"

#include "cli/rows_io.h"

namespace attune::cli {
namespace {

constexpr int64_t kInFlight = 32;

std::string text_of_content(const data::Content& content) {
  if (!data::is_conversational(content)) return std::get<std::string>(content);
  const auto& messages = std::get<data::Messages>(content);
  return messages.empty() ? "" : messages.back().content;
}

OrderedJson as_json(const data::Content& content) {
  if (!data::is_conversational(content)) return OrderedJson(std::get<std::string>(content));
  OrderedJson list = OrderedJson::array();
  for (const data::Message& message : std::get<data::Messages>(content)) {
    list.push_back(message.raw);
  }
  return list;
}

// Conversations end before the answer.
Result<PromptRow> prompt_of(const data::Example& example) {
  PromptRow row;
  if (example.form == data::Form::kMessages) {
    data::Messages messages = example.messages;
    if (!messages.empty() && messages.back().role == "assistant") {
      row.reference = messages.back().content;
      messages.pop_back();
    }
    if (messages.empty()) return invalid_input("has no message before the answer");
    row.prompt = as_json(messages);
    return row;
  }
  if (!example.prompt) return invalid_input("needs \"prompt\" or \"messages\"");
  row.prompt = as_json(*example.prompt);
  if (example.completion) row.reference = text_of_content(*example.completion);
  if (example.chosen) row.reference = text_of_content(*example.chosen);
  return row;
}

Result<double> number_at(const Json& score, const char* key) { return get_double(score, key); }

Result<CompletionScores> read_scores(const Json& done) {
  CompletionScores scores;
  const Json* list = find(done, "scores");
  if (list == nullptr || !list->is_array()) {
    return make_error(ErrorCode::kInternal, "the engine sent no scores");
  }
  for (const Json& score : *list) {
    scores.sum_logprobs.push_back(TRY(get_double_or(score, "sum_logprob", 0)));
    scores.tokens.push_back(TRY(get_double_or(score, "tokens", 0)));
    if (find(score, "reward") != nullptr) {
      scores.rewards.push_back(TRY(number_at(score, "reward")));
    }
  }
  return scores;
}

}  // namespace

Result<std::vector<PromptRow>> read_prompts(const Json& config) {
  const std::string data = text_of(config, "data");
  std::vector<PromptRow> prompts;
  for (const data::Row& row : TRY(read_input_rows(data))) {
    const std::string place = row_place(data, row.number);
    const auto example = data::parse_example(row.value);
    if (!example.ok()) return example.error().with_context(place);
    auto prompt = prompt_of(*example);
    if (!prompt.ok()) return prompt.error().with_context(place);
    prompt->place = place;
    prompt->id = row.value.contains("id") ? row.value["id"] : OrderedJson(row.number);
    if (prompt->prompt.is_string() && config.value("chat", false)) {
      prompt->prompt = OrderedJson::array({{{"role", "user"}, {"content", prompt->prompt}}});
    }
    prompts.push_back(std::move(*prompt));
  }
  if (prompts.empty()) return invalid_input("{}: has no rows", data.empty() ? "--data" : data);
  return prompts;
}

OrderedJson as_completion(const PromptRow& row, const std::string& text) {
  if (row.prompt.is_string()) return OrderedJson(text);
  return OrderedJson::array({{{"role", "assistant"}, {"content", text}}});
}

Result<std::vector<std::vector<ModelAnswer>>> answers_of(const Json& config,
                                                         const std::vector<PromptRow>& prompts,
                                                         int64_t samples) {
  OrderedJson params = sampling_params(config);
  params["num_return_sequences"] = samples;
  if (samples > 1) params["do_sample"] = true;
  std::vector<OrderedJson> requests;
  for (size_t i = 0; i < prompts.size(); ++i) {
    OrderedJson request = params;
    request["kind"] = "generate";
    request[prompts[i].prompt.is_string() ? "prompt" : "messages"] = prompts[i].prompt;
    request["stream_index"] = i + 1;
    requests.push_back(std::move(request));
  }
  EngineSession session = TRY(EngineSession::start(config));
  std::vector<std::vector<ModelAnswer>> answers(prompts.size());
  const auto take = [&](size_t index, const Json& done) -> Status {
    const Json* completions = find(done, "completions");
    if (completions == nullptr || !completions->is_array()) {
      return make_error(ErrorCode::kInternal, "the engine sent no answer to {}",
                        prompts[index].place);
    }
    for (const Json& completion : *completions) {
      answers[index].push_back({TRY(get_string(completion, "text")),
                                TRY(get_int(completion, "tokens")),
                                TRY(get_string(completion, "finish_reason")) == "stop"});
    }
    return {};
  };
  TRY(session.run(requests, kInFlight, take, [&](size_t i) { return prompts[i].place; }));
  return answers;
}

Result<std::vector<CompletionScores>> scores_of_rows(EngineSession& session, const Json& config,
                                                     const std::vector<data::Row>& rows) {
  const std::string data = text_of(config, "data");
  std::vector<OrderedJson> requests;
  for (const data::Row& row : rows) {
    if (!row.value.is_object()) {
      return invalid_input("{}: must be an object", row_place(data, row.number));
    }
    OrderedJson request = row.value;
    request["kind"] = "score";
    request["append_eos"] = config.value("append_eos", false);
    requests.push_back(std::move(request));
  }
  std::vector<CompletionScores> all(rows.size());
  const auto take = [&](size_t index, const Json& done) -> Status {
    all[index] = TRY(read_scores(done));
    return {};
  };
  TRY(session.run(requests, kInFlight, take,
                  [&](size_t i) { return row_place(data, rows[i].number); }));
  return all;
}

Result<std::vector<std::vector<double>>> log_probs_of_answers(
    EngineSession& session, const std::vector<PromptRow>& prompts,
    const std::vector<std::vector<ModelAnswer>>& answers) {
  // Strings that ended are scored with their end of sequence, cut ones without; an answer of no
  // text that did not end has nothing to score.
  struct Asked {
    size_t prompt;
    size_t answer;
  };
  std::vector<OrderedJson> requests;
  std::vector<Asked> asked;
  for (size_t p = 0; p < prompts.size(); ++p) {
    for (size_t a = 0; a < answers[p].size(); ++a) {
      const ModelAnswer& answer = answers[p][a];
      const bool string = prompts[p].prompt.is_string();
      if (string && answer.text.empty() && !answer.ended) continue;
      requests.push_back({{"kind", "score"},
                          {"prompt", prompts[p].prompt},
                          {"completion", as_completion(prompts[p], answer.text)},
                          {"append_eos", string && answer.ended}});
      asked.push_back({p, a});
    }
  }
  std::vector<std::vector<double>> log_probs;
  for (const auto& own : answers) log_probs.emplace_back(own.size(), 0.0);
  const auto take = [&](size_t index, const Json& done) -> Status {
    const CompletionScores scores = TRY(read_scores(done));
    if (scores.sum_logprobs.size() != 1) {
      return make_error(ErrorCode::kInternal, "{} scores for one answer",
                        scores.sum_logprobs.size());
    }
    log_probs[asked[index].prompt][asked[index].answer] = scores.sum_logprobs[0];
    return {};
  };
  TRY(session.run(requests, kInFlight, take,
                  [&](size_t i) { return prompts[asked[i].prompt].place; }));
  return log_probs;
}

Json with_model(Json config, const std::string& model) {
  config["model_name_or_path"] = model;
  config["model_revision"] = "main";
  config["adapter"] = nullptr;
  return config;
}

}  // namespace attune::cli
