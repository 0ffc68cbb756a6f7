// The request channel: what `attune` and `attune-engine serve` say to each other about a served
// model. JSON lines on a Unix socket (line_socket.h). docs/formats/request-channel.md has the whole
// format with examples.
//
//   both   {"protocol":"attune-channel","version":1,"program":"attune-engine"}  the first line
//   client {"id":"7","kind":"generate","prompt":"Hello","max_new_tokens":64}
//   client {"id":"8","kind":"score","prompt":"2+2 =","completion":" 4","adapter":"support"}
//   client {"id":"9","kind":"cancel","request":"7"}
//   engine {"id":"7","event":"token","index":0,"text":" wor"}
//   engine {"id":"7","event":"done","completions":[{"text","tokens","finish_reason",
//           "sum_logprob"}]}
//   engine {"id":"8","event":"done","scores":[{"index","sum_logprob","tokens","mean_logprob"}]}
//   engine {"id":"7","event":"error","message":"..."}
//
// Every request gets exactly one `done` or `error`; a line that is no request gets an error whose
// id is "" (or the line's id where it has one). Closing the socket cancels what runs and ends the
// engine.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "protocol/line_socket.h"

namespace attune::protocol {

inline constexpr std::string_view kChannelProtocol = "attune-channel";
inline constexpr int64_t kChannelVersion = 1;

enum class RequestKind { kGenerate, kScore, kCancel };

struct ChannelRequest {
  std::string id;
  RequestKind kind = RequestKind::kGenerate;
  std::string adapter;  // a loaded adapter's name, "" for what the engine was started with
  OrderedJson params;   // the other members
};

// The first line of either side.
OrderedJson handshake(std::string_view program);
// Whether the other side's first line fits ours; the error says both versions.
Status check_handshake(std::string_view line);

// Reads a request line; an error is meant for the client. `id` is filled in as far as it was read.
Result<ChannelRequest> parse_request(std::string_view line, std::string* id);

// The lines of an answer. `completions` and `scores` are arrays.
OrderedJson token_event(const std::string& id, int64_t index, const std::string& text);
OrderedJson done_event(const std::string& id, std::string_view what, OrderedJson results);
OrderedJson error_event(const std::string& id, const Error& error);

// The client's end. One thread receives; any thread may send.
class ChannelClient {
 public:
  // Connects and shakes hands. `timeout_ms` bounds both together: the engine answers the handshake
  // when its model is loaded, or with the reason why it could not be.
  static Result<std::unique_ptr<ChannelClient>> connect(const std::string& path, int timeout_ms);

  // The engine's first line: its program and what it serves.
  const Json& greeting() const { return greeting_; }

  Status send(const OrderedJson& request);
  Status cancel(const std::string& request_id);

  // The next line, or nothing when none came in time. kUnavailable when the engine has gone,
  // kInvalidInput for a line that is no JSON object.
  Result<std::optional<Json>> receive(int timeout_ms);

  void shut_down() { socket_->shut_down(); }

 private:
  explicit ChannelClient(std::unique_ptr<LineSocket> socket) : socket_(std::move(socket)) {}
  std::unique_ptr<LineSocket> socket_;
  Json greeting_;
};

}  // namespace attune::protocol
