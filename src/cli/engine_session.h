// A served model for the length of one command: starts `attune-engine serve` and talks to it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "protocol/engine_process.h"
#include "recipes/option.h"

namespace attune::cli {

// Which model and how: model_name_or_path, model_revision, adapter, quantize, dtype, threads,
// chat_template_path.
std::vector<recipes::Option> served_model_options();

// How to choose the next token, with Transformers' names.
std::vector<recipes::Option> sampling_options();

// The members of a generate request that `config` sets.
OrderedJson sampling_params(const Json& config);

class EngineSession {
 public:
  // Starts the engine for a resolved configuration; errors say why it did not come up.
  static Result<EngineSession> start(const Json& config);

  protocol::ChannelClient& client() { return *served_.client; }

  // Sends all requests, at most `in_flight` at a time, and calls `on_done` for each answer in the
  // order of the requests. The first failed request is an error that begins with its `place`
  // (without one: its number).
  Status run(const std::vector<OrderedJson>& requests, int64_t in_flight,
             const std::function<Status(size_t index, const Json& done)>& on_done,
             const std::function<std::string(size_t index)>& place = {});

  // One request; `on_token` gets the texts as they come.
  Result<Json> run_streaming(const OrderedJson& request,
                             const std::function<void(const std::string& text)>& on_token);

 private:
  protocol::ServedModel served_;
};

}  // namespace attune::cli
