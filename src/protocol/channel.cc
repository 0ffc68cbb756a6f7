#include "protocol/channel.h"

#include <algorithm>
#include <chrono>

#include "base/nearest.h"

namespace attune::protocol {
namespace {

Result<RequestKind> kind_of(const std::string& name) {
  if (name == "generate") return RequestKind::kGenerate;
  if (name == "score") return RequestKind::kScore;
  if (name == "cancel") return RequestKind::kCancel;
  const std::string nearest = nearest_name(name, {"generate", "score", "cancel"});
  return invalid_input("kind \"{}\" is unknown{}; use generate, score or cancel", name,
                       nearest.empty() ? "" : ", did you mean " + nearest);
}

// An id as its sender wrote it; numbers are taken as their text.
Result<std::string> id_of(const OrderedJson& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return invalid_input("the request has no \"{}\"", key);
  if (found->is_number_integer()) return found->dump();
  if (!found->is_string() || found->get_ref<const std::string&>().empty()) {
    return invalid_input("\"{}\" must be a string that is not empty, or a whole number", key);
  }
  return found->get<std::string>();
}

Result<std::string> text_of(const OrderedJson& object, const char* key, const char* fallback) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) {
    if (fallback != nullptr) return std::string(fallback);
    return invalid_input("the request has no \"{}\"", key);
  }
  if (!found->is_string()) return invalid_input("\"{}\" must be a string", key);
  return found->get<std::string>();
}

}  // namespace

OrderedJson handshake(std::string_view program) {
  return {{"protocol", kChannelProtocol}, {"version", kChannelVersion}, {"program", program}};
}

Status check_handshake(std::string_view line) {
  const Result<Json> parsed = parse_json(line);
  const Json* protocol = parsed.ok() ? find(*parsed, "protocol") : nullptr;
  if (protocol == nullptr || *protocol != kChannelProtocol) {
    return invalid_input("the other side does not speak {}: its first line is no handshake",
                         kChannelProtocol);
  }
  const Json* version = find(*parsed, "version");
  if (version == nullptr || *version != kChannelVersion) {
    return unsupported("the other side speaks {} version {}, this program version {}; install "
                       "attune and attune-engine of one release",
                       kChannelProtocol, version == nullptr ? "unknown" : to_line(*version),
                       kChannelVersion);
  }
  return {};
}

Result<ChannelRequest> parse_request(std::string_view line, std::string* id) {
  id->clear();
  OrderedJson object = TRY(parse_ordered_json(line));
  if (!object.is_object()) return invalid_input("a request is a JSON object on one line");
  ChannelRequest request;
  request.id = TRY(id_of(object, "id"));
  *id = request.id;
  const std::string kind = TRY(text_of(object, "kind", nullptr));
  request.kind = TRY(kind_of(kind));
  request.adapter = TRY(text_of(object, "adapter", ""));
  if (request.kind == RequestKind::kCancel) {
    object["request"] = TRY(id_of(object, "request"));
  }
  for (const char* key : {"id", "kind", "adapter"}) object.erase(key);
  request.params = std::move(object);
  return request;
}

OrderedJson token_event(const std::string& id, int64_t index, const std::string& text) {
  return {{"id", id}, {"event", "token"}, {"index", index}, {"text", text}};
}

OrderedJson done_event(const std::string& id, std::string_view what, OrderedJson results) {
  OrderedJson event{{"id", id}, {"event", "done"}};
  event[std::string(what)] = std::move(results);
  return event;
}

OrderedJson error_event(const std::string& id, const Error& error) {
  return {{"id", id},
          {"event", "error"},
          {"code", to_string(error.code())},
          {"message", error.message()}};
}

Result<std::unique_ptr<ChannelClient>> ChannelClient::connect(const std::string& path,
                                                              int timeout_ms) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  std::unique_ptr<ChannelClient> client(
      new ChannelClient(TRY(LineSocket::connect(path, timeout_ms))));
  TRY(client->send(handshake("attune")));
  const auto spent =
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count();
  const int left_ms = timeout_ms < 0 ? -1 : std::max(0, timeout_ms - static_cast<int>(spent));
  const std::optional<Json> first = TRY(client->receive(left_ms));
  if (!first) {
    return make_error(ErrorCode::kUnavailable, "{}: the engine did not answer within {} ms", path,
                      timeout_ms);
  }
  if (const Json* message = find(*first, "message"); message != nullptr && message->is_string()) {
    return make_error(ErrorCode::kUnavailable, "{}", message->get<std::string>());
  }
  TRY(check_handshake(to_line(*first)));
  client->greeting_ = *first;
  return client;
}

Status ChannelClient::send(const OrderedJson& request) {
  return socket_->send_line(to_line(request));
}

Status ChannelClient::cancel(const std::string& request_id) {
  return send({{"id", "cancel " + request_id}, {"kind", "cancel"}, {"request", request_id}});
}

Result<std::optional<Json>> ChannelClient::receive(int timeout_ms) {
  const ReceivedLine line = socket_->receive(timeout_ms);
  switch (line.event) {
    case LineEvent::kTimeout:
      return std::optional<Json>();
    case LineEvent::kClosed:
      return make_error(ErrorCode::kUnavailable, "the engine has closed the channel");
    case LineEvent::kTooLong:
      return invalid_input("the engine sent a line of more than {} bytes", kLineBytesMax);
    case LineEvent::kLine:
      break;
  }
  Json parsed = TRY(parse_json(line.text));
  if (!parsed.is_object()) return invalid_input("the engine sent a line that is no JSON object");
  return std::optional<Json>(std::move(parsed));
}

}  // namespace attune::protocol
