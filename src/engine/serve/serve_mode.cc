#include "engine/serve/serve_mode.h"

#include "base/log.h"
#include "engine/serve/channel_server.h"
#include "engine/serve/served_model.h"
#include "protocol/channel.h"
#include "protocol/line_socket.h"

namespace attune::engine::serve {
namespace {

constexpr int kTellMs = 2000;       // how long a failed engine waits for someone to tell
constexpr int kConnectMs = 60'000;  // how long a ready one waits for its client

}  // namespace

Status run_serve(const std::vector<std::string>& arguments) {
  const ServeOptions options = TRY(parse_serve_options(arguments));
  std::unique_ptr<protocol::LineListener> listener =
      TRY(protocol::LineListener::listen(options.socket));
  Result<ServedModel> model = load_served_model(options);
  if (!model.ok()) {
    auto client = listener->accept(kTellMs);
    if (client.ok()) {
      (void)(*client)->send_line(to_line(protocol::error_event("", model.error())));
      (void)(*client)->receive(kTellMs);  // closing with its line unread would drop ours
      set_log_level(LogLevel::kSilent);   // the client reports it
    }
    return model.error();
  }
  std::unique_ptr<protocol::LineSocket> client = TRY(listener->accept(kConnectMs));
  listener.reset();  // one client
  return serve_channel(*client, *model);
}

}  // namespace attune::engine::serve
