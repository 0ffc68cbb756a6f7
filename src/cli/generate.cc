// attune generate: {"id", "prompt" | "messages"} -> {"id", "completions": [...]}.

#include <cstdio>
#include <optional>

#include "base/log.h"
#include "cli/best_of.h"
#include "cli/command.h"
#include "cli/engine_session.h"
#include "cli/generated_examples.h"
#include "cli/hindsight_source.h"
#include "cli/model_source.h"
#include "cli/rows_io.h"

namespace attune::cli {
namespace {

constexpr int64_t kInFlight = 64;

recipes::Recipe table() {
  recipes::Recipe table{"generate", "attune generate",
                        "Answers rows of \"prompt\" or \"messages\" with \"completions\".",
                        rows_options()};
  for (const auto& group : {served_model_options(), sampling_options(), best_of_options()}) {
    table.options.insert(table.options.end(), group.begin(), group.end());
  }
  table.options.push_back(recipes::texts("prompt", nullptr, "prompts, instead of --data"));
  table.options.push_back(
      recipes::boolean("stream", false, "print the text as it comes (one prompt)"));
  table.options.push_back(
      recipes::boolean("chat", false, "put string prompts through the chat template"));
  table.options.push_back(recipes::boolean(
      "hindsight", false, "ask with the positive marker of a model that learned from chains"));
  table.options.push_back(recipes::string(
      "hindsight_templates", nullptr,
      "with --hindsight: a marker set or its file; default hindsight.json beside the model"));
  return table;
}

Result<OrderedJson> request_of(const OrderedJson& row, const OrderedJson& params, bool chat) {
  OrderedJson request = params;
  request["kind"] = "generate";
  bool has_messages = row.is_object() && row.contains("messages");
  bool has_prompt = row.is_object() && row.contains("prompt");
  if (!has_messages && !has_prompt) return invalid_input("needs \"prompt\" or \"messages\"");
  const OrderedJson& prompt = has_messages ? row["messages"] : row["prompt"];
  if (prompt.is_string() && chat) {
    request["messages"] = OrderedJson::array({{{"role", "user"}, {"content", prompt}}});
  } else {
    request[prompt.is_array() ? "messages" : "prompt"] = prompt;
  }
  if (row.contains("tools")) request["tools"] = row["tools"];
  return request;
}

Result<std::vector<data::Row>> input_rows(const Json& config) {
  if (config["prompt"].is_null()) return read_input_rows(text_of(config, "data"));
  std::vector<data::Row> rows;
  for (const Json& prompt : config["prompt"]) {
    int64_t number = static_cast<int64_t>(rows.size()) + 1;
    rows.push_back({number, {{"id", number}, {"prompt", OrderedJson(prompt)}}});
  }
  return rows;
}

// How errors name a prompt.
std::string place_of(const Json& config, int64_t number) {
  return config["prompt"].is_null() ? row_place(text_of(config, "data"), number)
                                    : fmt::format("--prompt {}", number);
}

// Options that only a judge uses.
Status check_without_best_of(const Json& config) {
  for (const char* name :
       {"reward_model", "reward_command", "reward_weights", "reward_threshold"}) {
    if (!config[name].is_null()) return usage_error("--{} needs --best_of N", name);
  }
  return {};
}

// --stream shows one answer on the screen; the other options are about rows.
Status check_stream(const Json& config, size_t rows) {
  if (!config["stream"].get<bool>()) return {};
  if (config["examples"].get<bool>()) {
    return usage_error("--stream and --examples exclude each other");
  }
  if (!config["output"].is_null()) {
    return usage_error("--stream and --output exclude each other: it prints the text as it comes");
  }
  if (rows != 1) return usage_error("--stream answers one prompt, found {}", rows);
  if (config["num_return_sequences"] != 1) {
    return usage_error("--stream shows one answer as it comes: leave --num_return_sequences out");
  }
  return {};
}

// Every answer to a row: as what came from the model, or as an example.
OrderedJson answered(const Json& config, OrderedJson row, const OrderedJson& request,
                     const Json& completions) {
  if (!config["examples"].get<bool>()) {
    return {{"id", row["id"]}, {"completions", OrderedJson(completions)}};
  }
  std::vector<std::string> texts;
  for (const Json& completion : completions) texts.push_back(completion.at("text"));
  return generated_example(row, request, texts,
                           generator_name(text_of(config, "model_name_or_path")));
}

Status stream_first(EngineSession& session, OrderedJson request) {
  request["id"] = "1";
  request["stream"] = true;
  TRY(session.run_streaming(request, [](const std::string& text) {
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  }));
  std::fputs("\n", stdout);
  return {};
}

}  // namespace

Status run_generate(Arguments arguments) {
  if (arguments.take_switch("help")) {
    std::fputs(recipes::to_help(table()).c_str(), stdout);
    return {};
  }
  Json config = TRY(resolve_flags(table(), arguments));
  TRY(check_model(config));
  std::vector<data::Row> rows = TRY(input_rows(config));
  TRY(check_stream(config, rows.size()));
  OrderedJson params = sampling_params(config);
  std::optional<BestOf> best_of;
  if (config["best_of"].is_null()) {
    TRY(check_without_best_of(config));
    if (config["num_return_sequences"] != 1 && params["do_sample"] == false) {
      log_warning("--num_return_sequences without --do_sample: a prompt's answers are the same");
    }
  } else {
    best_of = TRY(BestOf::start(config, &params));
  }
  std::optional<data::HindsightTemplates> hindsight;
  if (config["hindsight"].get<bool>()) hindsight = TRY(hindsight_templates_of(config));
  std::vector<OrderedJson> requests;
  for (const data::Row& row : rows) {
    Result<OrderedJson> request = request_of(row.value, params, config["chat"].get<bool>());
    if (!request.ok()) return request.error().with_context(place_of(config, row.number));
    if (hindsight) *request = with_positive_marker(std::move(*request), *hindsight);
    (*request)["stream_index"] = row.number;
    requests.push_back(std::move(request).value());
  }
  EngineSession session = TRY(EngineSession::start(config));
  if (config["stream"].get<bool>()) return stream_first(session, requests[0]);
  auto writer = TRY(RowWriter::open(text_of(config, "output")));
  auto place = [&](size_t index) { return place_of(config, rows[index].number); };
  auto write = [&](size_t index, const Json& done) -> Status {
    OrderedJson row = rows[index].value;
    if (!row.contains("id")) row["id"] = rows[index].number;
    const Json& completions = done["completions"];
    if (!best_of) return writer->write(answered(config, row, requests[index], completions));
    Status status = best_of->write(row["id"], requests[index], completions, *writer);
    return status.ok() ? status : status.error().with_context(place(index));
  };
  TRY(session.run(requests, kInFlight, write, place));
  if (best_of) best_of->summarise();
  return writer->finish();
}

}  // namespace attune::cli
