#include "cli/engine_session.h"

#include <unistd.h>

#include <map>

#include "base/file.h"
#include "cli/model_source.h"
#include "cli/progress.h"
#include "cli/rows_io.h"

namespace attune::cli {
namespace {

constexpr int kStartTimeoutMs = 600'000;  // a large model on a slow disk
constexpr int kPollMs = 1'000;

// The engine's next line; waits as long as it takes, since a busy engine may be silent for long.
Result<Json> next_event(protocol::ChannelClient& client) {
  for (;;) {
    std::optional<Json> event = TRY(client.receive(kPollMs));
    if (event) return *event;
  }
}

Error request_failed(const Json& event, const std::string& place) {
  return invalid_input("{}: {}", place, event.value("message", "failed"));
}

}  // namespace

std::vector<recipes::Option> served_model_options() {
  using namespace recipes;
  return {string("model_name_or_path", nullptr, "Hugging Face folder, GGUF file or owner/name"),
          string("model_revision", "main", "revision of a hub model"),
          string("adapter", nullptr, "PEFT LoRA folder on top of the model"),
          choice("quantize", "none", {"none", "q8_0", "q4_0", "q4_1", "native"},
                 "keep weights in blocks; native keeps a GGUF file's own"),
          choice("dtype", "float32", {"auto", "float32", "bfloat16"}, "precision of the weights"),
          string("device", "auto",
                 "cpu, cuda or cuda:<number>; auto takes a GPU where there is one"),
          integer("threads", nullptr, 1, "CPU threads; default all cores"),
          string("chat_template_path", nullptr, "Jinja file in place of the model's template")};
}

std::vector<recipes::Option> sampling_options() {
  using namespace recipes;
  return {integer("max_new_tokens", 256, 1, "longest answer in tokens"),
          integer("min_new_tokens", 0, 0, "no end of sequence before so many tokens"),
          boolean("do_sample", false, "sample; set by temperature, top_p, top_k or min_p too"),
          real("temperature", nullptr, 0, {}, "divides logits; 0 is greedy"),
          integer("top_k", nullptr, 0, "keep the k most probable tokens; 0 keeps all"),
          real("top_p", nullptr, 0, 1, "keep the smallest set with this probability"),
          real("min_p", nullptr, 0, 1, "keep tokens with this share of the best's probability"),
          real("repetition_penalty", 1.0, 0, {}, "above 1 makes seen tokens less likely"),
          integer("num_return_sequences", 1, 1, "answers per prompt"),
          integer("seed", 0, 0, "fixes every random choice"),
          texts("stop_strings", nullptr, "texts that end an answer"),
          integers("stop_token_ids", nullptr, 0,
                   "ids of tokens that end an answer, besides the model's end token")};
}

OrderedJson sampling_params(const Json& config) {
  OrderedJson params = OrderedJson::object();
  bool sampling = config.value("do_sample", false);
  for (const char* name : {"temperature", "top_k", "top_p", "min_p"}) {
    if (!config[name].is_null()) {
      params[name] = OrderedJson(config[name]);
      sampling = true;
    }
  }
  if (!config["temperature"].is_null() && config["temperature"] == 0.0) {
    params.erase("temperature");
    sampling = false;
  }
  params["do_sample"] = sampling;
  for (const char* name : {"max_new_tokens", "min_new_tokens", "repetition_penalty",
                           "num_return_sequences", "seed", "stop_strings", "stop_token_ids"}) {
    const Json* value = find(config, name);
    if (value != nullptr) params[name] = OrderedJson(*value);
  }
  return params;
}

Result<EngineSession> EngineSession::start(const Json& config) {
  const std::string path = TRY(local_model(config));
  const protocol::JobModel model = TRY(with_adapter(path));
  std::vector<std::string> arguments = {"--model_name_or_path", model.model};
  if (!model.adapter.empty()) {
    arguments.insert(arguments.end(), {"--model_adapter", model.adapter});
  }
  for (const char* name :
       {"adapter", "quantize", "dtype", "device", "threads", "chat_template_path"}) {
    const Json* value = find(config, name);
    if (value == nullptr) continue;
    arguments.push_back(std::string("--") + name);
    arguments.push_back(value->is_string() ? value->get<std::string>() : to_line(*value));
  }
  EngineSession session;
  session.served_ = TRY(protocol::serve_model(arguments, kStartTimeoutMs));
  return session;
}

Status EngineSession::run(const std::vector<OrderedJson>& requests, int64_t in_flight,
                          const std::function<Status(size_t, const Json&)>& on_done,
                          const std::function<std::string(size_t)>& place) {
  std::map<std::string, size_t> index_of;
  std::map<size_t, Json> early;  // answers that wait for an earlier one
  size_t sent = 0;
  size_t delivered = 0;
  RowProgress progress(static_cast<int64_t>(requests.size()));
  while (delivered < requests.size()) {
    while (sent < requests.size() && sent - delivered < static_cast<size_t>(in_flight)) {
      OrderedJson request = requests[sent];
      request["id"] = std::to_string(sent);
      index_of[std::to_string(sent)] = sent;
      TRY(client().send(request));
      ++sent;
    }
    Json event = TRY(next_event(client()));
    std::string kind = event.value("event", "");
    auto known = index_of.find(event.value("id", ""));
    if (kind == "error") {
      if (known == index_of.end()) return request_failed(event, "the engine");
      size_t index = known->second;
      return request_failed(event, place ? place(index) : fmt::format("request {}", index + 1));
    }
    if (kind != "done" || known == index_of.end()) continue;
    early[known->second] = std::move(event);
    for (auto it = early.find(delivered); it != early.end(); it = early.find(delivered)) {
      progress.make_way();
      TRY(on_done(delivered, it->second));
      early.erase(it);
      ++delivered;
      progress.advance();
    }
  }
  return {};
}

Result<Json> EngineSession::run_streaming(
    const OrderedJson& request, const std::function<void(const std::string&)>& on_token) {
  TRY(client().send(request));
  for (;;) {
    Json event = TRY(next_event(client()));
    std::string kind = event.value("event", "");
    if (kind == "error") return request_failed(event, "the prompt");
    if (kind == "token") on_token(event.value("text", ""));
    if (kind == "done") return event;
  }
}

}  // namespace attune::cli
