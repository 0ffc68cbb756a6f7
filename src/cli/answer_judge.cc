#include "cli/answer_judge.h"

#include <cmath>

#include "cli/model_source.h"
#include "cli/rows_io.h"

namespace attune::cli {
namespace {

constexpr int64_t kInFlight = 2;

OrderedJson assistant_turn(const std::string& text) {
  return OrderedJson::array({{{"role", "assistant"}, {"content", text}}});
}

// A prompt that ends in the beginning of an answer: that beginning is the answer's.
struct SplitPrompt {
  OrderedJson prompt;
  std::string begun;
};

SplitPrompt split_begun_answer(const OrderedJson& prompt) {
  if (!prompt.is_array() || prompt.empty()) return {prompt, ""};
  const OrderedJson& last = prompt.back();
  if (last.value("role", "") != "assistant") return {prompt, ""};
  OrderedJson before = prompt;
  before.erase(before.size() - 1);
  return {before, last.value("content", "")};
}

OrderedJson completion_of(const SplitPrompt& split, const JudgedAnswer& answer) {
  if (!split.prompt.is_array()) return OrderedJson(answer.text);
  return assistant_turn(split.begun + answer.text);
}

// Answers that ended are scored with their end of sequence, cut ones without: two requests at most.
Result<std::vector<double>> ask_model(EngineSession& session, const std::string& name,
                                      const SplitPrompt& split,
                                      const std::vector<JudgedAnswer>& answers) {
  std::vector<OrderedJson> requests;
  std::vector<std::vector<size_t>> members;
  for (bool ended : {true, false}) {
    OrderedJson request = {{"kind", "score"},
                           {"prompt", split.prompt},
                           {"completions", OrderedJson::array()},
                           {"append_eos", ended && !split.prompt.is_array()}};
    std::vector<size_t> own;
    for (size_t i = 0; i < answers.size(); ++i) {
      if (answers[i].ended != ended) continue;
      request["completions"].push_back(completion_of(split, answers[i]));
      own.push_back(i);
    }
    if (own.empty()) continue;
    requests.push_back(std::move(request));
    members.push_back(std::move(own));
  }
  std::vector<double> rewards(answers.size());
  const auto take = [&](size_t index, const Json& done) -> Status {
    const std::vector<size_t>& own = members[index];
    if (done["scores"].size() != own.size()) {
      return make_error(ErrorCode::kInternal, "{} scores for {} answers", done["scores"].size(),
                        own.size());
    }
    for (size_t i = 0; i < own.size(); ++i) {
      const Json& score = done["scores"][i];
      if (!score.contains("reward")) {
        return invalid_input("has no score head; train a reward model with attune train reward");
      }
      rewards[own[i]] = TRY(get_double(score, "reward"));
    }
    return {};
  };
  const auto place = [&](size_t) { return "reward model " + name; };
  const Status status = session.run(requests, kInFlight, take, place);
  if (status.ok()) return rewards;
  const bool named = status.error().message().starts_with("reward model ");
  return named ? status.error() : status.error().with_context(place(0));
}

Result<std::vector<double>> ask_command(protocol::RewardCommand& command, const SplitPrompt& split,
                                        const std::vector<JudgedAnswer>& answers) {
  std::vector<protocol::RewardQuery> queries;
  for (const JudgedAnswer& answer : answers) {
    queries.push_back({split.prompt, completion_of(split, answer)});
  }
  return command.score(queries);
}

std::vector<std::string> names_of(const Json& config, const char* option) {
  return config[option].is_null() ? std::vector<std::string>()
                                  : config[option].get<std::vector<std::string>>();
}

Result<std::vector<double>> weights_of(const Json& config, size_t sources) {
  if (config["reward_weights"].is_null()) return std::vector<double>(sources, 1.0);
  std::vector<double> weights;
  for (const std::string& text : names_of(config, "reward_weights")) {
    const auto number = parse_json(text);
    if (!number.ok() || !number->is_number()) {
      return usage_error("--reward_weights: \"{}\" is no number", text);
    }
    weights.push_back(number->get<double>());
  }
  if (weights.size() == sources) return weights;
  return usage_error("--reward_weights has {} numbers for {} rewards; give one for each (models "
                     "first, then commands)",
                     weights.size(), sources);
}

}  // namespace

std::vector<recipes::Option> judge_options() {
  using namespace recipes;
  return {list("reward_model", nullptr, "reward models (folders or owner/name) that judge answers"),
          texts("reward_command", nullptr,
                "programs that judge answers: JSON lines in, JSON lines out"),
          list("reward_weights", nullptr, "one number for each reward; default 1"),
          integer("reward_timeout_ms", 60'000, 1,
                  "how long a reward command may say nothing while it owes answers")};
}

Result<AnswerJudge> AnswerJudge::start(const Json& config) {
  const std::vector<std::string> models = names_of(config, "reward_model");
  const std::vector<std::string> commands = names_of(config, "reward_command");
  if (models.empty() && commands.empty()) {
    return usage_error("--best_of needs a judge; give --reward_model or --reward_command");
  }
  const std::vector<double> weights = TRY(weights_of(config, models.size() + commands.size()));
  AnswerJudge judge;
  for (const std::string& model : models) {
    Json served = {{"model_name_or_path", model}, {"model_revision", "main"}};
    for (const char* name : {"dtype", "device", "threads"}) served[name] = config[name];
    Source source{weights[judge.sources_.size()], model, nullptr, nullptr};
    source.model = std::make_unique<EngineSession>(TRY(EngineSession::start(served)));
    judge.sources_.push_back(std::move(source));
  }
  const auto timeout_ms = config["reward_timeout_ms"].get<int>();
  for (const std::string& command : commands) {
    judge.sources_.push_back({weights[judge.sources_.size()], command, nullptr,
                              std::make_unique<protocol::RewardCommand>(command, timeout_ms)});
  }
  return judge;
}

Result<std::vector<double>> AnswerJudge::rewards(const OrderedJson& prompt,
                                                 const std::vector<JudgedAnswer>& answers) {
  const SplitPrompt split = split_begun_answer(prompt);
  std::vector<double> total(answers.size(), 0.0);
  for (Source& source : sources_) {
    const std::vector<double> rewards =
        source.model ? TRY(ask_model(*source.model, source.name, split, answers))
                     : TRY(ask_command(*source.command, split, answers));
    for (size_t i = 0; i < answers.size(); ++i) {
      if (!std::isfinite(rewards[i]))
        return invalid_input("a reward is no number ({})", rewards[i]);
      total[i] += source.weight * rewards[i];
    }
  }
  return total;
}

}  // namespace attune::cli
