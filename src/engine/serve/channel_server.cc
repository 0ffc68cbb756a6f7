#include "engine/serve/channel_server.h"

#include <map>
#include <thread>
#include <utility>

#include "engine/evaluate/score.h"
#include "engine/generate/generator.h"
#include "engine/serve/request_params.h"
#include "engine/serve/request_queue.h"
#include "protocol/channel.h"

namespace attune::engine::serve {
namespace {

using protocol::ChannelRequest;
using protocol::LineEvent;
using protocol::RequestKind;

OrderedJson to_json(const generate::Completion& completion) {
  return {{"text", completion.text},
          {"tokens", completion.tokens.size()},
          {"finish_reason", generate::to_string(completion.finish_reason)},
          {"sum_logprob", completion.sum_logprob()}};
}

OrderedJson to_json(const std::vector<evaluate::CompletionScore>& scores) {
  OrderedJson list = OrderedJson::array();
  for (size_t i = 0; i < scores.size(); ++i) {
    if (scores[i].reward) {
      list.push_back(
          {{"index", i}, {"reward", *scores[i].reward}, {"tokens", scores[i].tokens}});
      continue;
    }
    list.push_back({{"index", i},
                    {"sum_logprob", scores[i].sum_logprob},
                    {"tokens", scores[i].tokens},
                    {"mean_logprob", scores[i].mean_logprob()}});
  }
  return list;
}

// Reads lines into the queue until the client goes, which is noticed also while the queue is full
// and nothing can be read; answers what is no request itself.
void read_requests(protocol::LineSocket& socket, RequestQueue& queue) {
  for (;;) {
    const protocol::ReceivedLine line = socket.receive(-1);
    if (line.event == LineEvent::kClosed) break;
    std::string id;
    Result<ChannelRequest> request =
        line.event == LineEvent::kTooLong
            ? invalid_input("a line of more than {} bytes was dropped", protocol::kLineBytesMax)
            : protocol::parse_request(line.text, &id);
    const bool going_on =
        request.ok() ? queue.push(std::move(*request), [&] { return socket.peer_has_gone(); })
                     : socket.send_line(to_line(protocol::error_event(id, request.error()))).ok();
    if (!going_on) break;
  }
  queue.close();
  socket.shut_down();  // wakes an answer that is being written to nobody
}

// The side that runs the model.
class Server {
 public:
  Server(protocol::LineSocket& socket, RequestQueue& queue, ServedModel& model,
         const ServerOptions& options)
      : socket_(socket),
        queue_(queue),
        model_(model),
        options_(options),
        generator_(*model.decoder, model.widest_tokenizer(), generator_options()) {}

  void run();

 private:
  struct Running {
    std::string id;
    bool stream = false;
  };

  generate::GeneratorOptions generator_options() const {
    generate::GeneratorOptions options;
    options.eos_ids = model_.eos_ids;
    options.cache_bytes_max = options_.cache_bytes_max;
    if (options_.cache_bytes_max <= 0) {
      options.cache_bytes_max = generate::default_cache_bytes(model_.decoder->device());
    }
    return options;
  }

  void take_requests();
  Status take(ChannelRequest request);
  Status take_generate(const ChannelRequest& request);
  Status take_score(const ChannelRequest& request);
  void cancel(const std::string& id);
  void score_pending();
  void step();
  void send(const OrderedJson& line);

  protocol::LineSocket& socket_;
  RequestQueue& queue_;
  ServedModel& model_;
  const ServerOptions& options_;
  generate::Generator generator_;
  std::map<int64_t, Running> running_;  // by the generator's handle
  // Score requests taken together and run in common passes, by adapter stack.
  std::map<std::vector<std::string>,
           std::vector<std::pair<std::string, evaluate::TokenizedExample>>>
      scores_;
};

void Server::send(const OrderedJson& line) {
  if (!socket_.send_line(to_line(line)).ok()) queue_.close();
}

Status Server::take_generate(const ChannelRequest& request) {
  if (model_.decoder->config().head != models::HeadKind::kLanguageModel) {
    return invalid_input("{} has no language-model head (a reward model scores answers, it writes "
                         "none)", model_.path);
  }
  GenerateParams params = TRY(parse_generate_params(request.params));
  const std::vector<std::string> stack = TRY(model_.stack(request.adapter));
  params.request.adapters = stack;
  params.request.eos_ids = model_.end_ids_of(stack);
  const data::ExampleTokenizer& tokenizer = model_.tokenizer_of(stack);
  params.request.prompt = TRY(tokenizer.prompt(*params.prompt.prompt, params.prompt));
  const int64_t handle = TRY(generator_.submit(std::move(params.request)));
  running_[handle] = {request.id, params.stream};
  return {};
}

Status Server::take_score(const ChannelRequest& request) {
  const std::vector<std::string> stack = TRY(model_.stack(request.adapter));
  const bool rewards = models::score_weight(*model_.decoder, stack).defined();
  const ScoreParams params = TRY(parse_score_params(request.params, rewards));
  evaluate::TokenizedExample tokenized = TRY(
      evaluate::tokenize_for_score(params.example, model_.tokenizer_of(stack), params.completion));
  scores_[stack].emplace_back(request.id, std::move(tokenized));
  return {};
}

void Server::cancel(const std::string& id) {
  for (auto running = running_.begin(); running != running_.end();) {
    if (running->second.id != id) {
      ++running;
      continue;
    }
    generator_.cancel(running->first);
    send(protocol::error_event(id, Error(ErrorCode::kCancelled, "cancelled on request")));
    running = running_.erase(running);
  }
}

Status Server::take(ChannelRequest request) {
  switch (request.kind) {
    case RequestKind::kGenerate:
      return take_generate(request);
    case RequestKind::kScore:
      return take_score(request);
    case RequestKind::kCancel:
      cancel(request.params["request"].get<std::string>());
      send(protocol::done_event(request.id, "cancelled", request.params["request"]));
      return {};
  }
  return {};
}

void Server::take_requests() {
  const bool idle = running_.empty();
  while (static_cast<int64_t>(running_.size()) < options_.in_flight_max) {
    std::optional<ChannelRequest> request = queue_.pop(/*wait=*/idle && running_.empty() &&
                                                       scores_.empty());
    if (!request) return;
    const std::string id = request->id;
    const Status status = take(std::move(*request));
    if (!status.ok()) send(protocol::error_event(id, status.error()));
  }
}

void Server::score_pending() {
  for (auto& [stack, requests] : std::exchange(scores_, {})) {
    std::vector<evaluate::TokenizedExample> examples;
    for (auto& [id, tokenized] : requests) examples.push_back(tokenized);
    const evaluate::ScoreOptions options{.adapters = stack,
                                         .normaliser = model_.normaliser(stack)};
    const auto scores = evaluate::score_completions(*model_.decoder, examples, options);
    for (size_t i = 0; i < requests.size(); ++i) {
      const std::string& id = requests[i].first;
      if (scores.ok()) {
        send(protocol::done_event(id, "scores", to_json((*scores)[i])));
        continue;
      }
      // One bad request must not fail its neighbours.
      const auto alone =
          evaluate::score_completions(*model_.decoder, {requests[i].second}, options);
      send(alone.ok() ? protocol::done_event(id, "scores", to_json((*alone)[0]))
                      : protocol::error_event(id, alone.error()));
    }
  }
}

void Server::step() {
  generate::GeneratorEvents events;
  events.on_text = [&](int64_t handle, int64_t index, std::string_view text) {
    const Running& running = running_.at(handle);
    if (running.stream) send(protocol::token_event(running.id, index, std::string(text)));
  };
  events.on_done = [&](int64_t handle, const std::vector<generate::Completion>& completions) {
    OrderedJson list = OrderedJson::array();
    for (const generate::Completion& completion : completions) list.push_back(to_json(completion));
    send(protocol::done_event(running_.at(handle).id, "completions", std::move(list)));
    running_.erase(handle);
  };
  const Status status = generator_.step(events);
  if (status.ok()) return;
  for (const auto& [handle, running] : std::exchange(running_, {})) {
    send(protocol::error_event(running.id, status.error()));
  }
}

void Server::run() {
  while (!queue_.closed()) {
    take_requests();
    if (queue_.closed()) return;
    score_pending();
    if (!generator_.idle()) step();
  }
}

Status shake_hands(protocol::LineSocket& socket, const ServedModel& model, int timeout_ms) {
  OrderedJson greeting = protocol::handshake("attune-engine");
  greeting["model"] = model.path;
  greeting["adapters"] = model.adapters;
  greeting["context"] = model.decoder->config().context;
  TRY(socket.send_line(to_line(greeting)));
  const protocol::ReceivedLine first = socket.receive(timeout_ms, 4096);
  if (first.event == LineEvent::kClosed) {
    return make_error(ErrorCode::kUnavailable, "the client left before its handshake");
  }
  const Status status = protocol::check_handshake(first.text);
  if (!status.ok()) (void)socket.send_line(to_line(protocol::error_event("", status.error())));
  return status;
}

}  // namespace

Status serve_channel(protocol::LineSocket& socket, ServedModel& model,
                     const ServerOptions& options) {
  TRY(shake_hands(socket, model, options.handshake_ms));
  RequestQueue queue(options.queue_capacity);
  std::thread reader([&] { read_requests(socket, queue); });
  Server(socket, queue, model, options).run();
  queue.close();
  socket.shut_down();
  reader.join();
  return {};
}

}  // namespace attune::engine::serve
