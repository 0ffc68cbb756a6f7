// attune chat: a conversation in the terminal.

#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "base/log.h"
#include "cli/command.h"
#include "cli/engine_session.h"
#include "cli/rows_io.h"

namespace attune::cli {
namespace {

recipes::Recipe table() {
  recipes::Recipe table{"chat", "attune chat",
                        "Talks to a model. /new starts over, /quit or end of input leaves.", {}};
  for (const auto& group : {served_model_options(), sampling_options()}) {
    table.options.insert(table.options.end(), group.begin(), group.end());
  }
  // A conversation goes on from one answer.
  std::erase_if(table.options, [](const recipes::Option& option) {
    return option.name == "num_return_sequences";
  });
  table.options.push_back(recipes::string("system", nullptr, "system message"));
  return table;
}

OrderedJson opening(const Json& config) {
  OrderedJson messages = OrderedJson::array();
  std::string system = text_of(config, "system");
  if (!system.empty()) messages.push_back({{"role", "system"}, {"content", system}});
  return messages;
}

void print_now(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

}  // namespace

Status run_chat(Arguments arguments) {
  if (arguments.take_switch("help")) {
    std::fputs(recipes::to_help(table()).c_str(), stdout);
    return {};
  }
  Json config = TRY(resolve_flags(table(), arguments));
  EngineSession session = TRY(EngineSession::start(config));
  bool terminal = ::isatty(STDIN_FILENO) == 1;
  OrderedJson messages = opening(config);
  std::string line;
  for (int turn = 1;; ++turn) {
    if (terminal) print_now("> ");
    if (!std::getline(std::cin, line) || line == "/quit") break;
    if (line == "/new") messages = opening(config);
    if (line.empty() || line == "/new") continue;
    messages.push_back({{"role", "user"}, {"content", line}});
    OrderedJson request = sampling_params(config);
    request["id"] = std::to_string(turn);
    request["kind"] = "generate";
    request["stream"] = true;
    request["messages"] = messages;
    Result<Json> answered = session.run_streaming(request, print_now);
    print_now("\n");
    if (!answered.ok()) {
      // A refused message (too long, say) is taken back; only a script must hear of it.
      if (!terminal || answered.error().code() != ErrorCode::kInvalidInput) return answered.error();
      log_error("{}", answered.error().message());
      messages.erase(messages.size() - 1);
      continue;
    }
    Json done = std::move(answered).value();
    OrderedJson answer = {{"role", "assistant"}, {"content", done["completions"][0]["text"]}};
    messages.push_back(answer);
  }
  return {};
}

}  // namespace attune::cli
