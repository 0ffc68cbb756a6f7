// Runs `attune-engine` as a child of `attune`, and finds it first.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "protocol/channel.h"

namespace attune::protocol {

// The program `attune-engine`: the file that ATTUNE_ENGINE names where it is set, then the one
// beside this executable, then the first on PATH. kNotFound says where it was looked for.
Result<std::string> find_engine();

// The first program of this name on PATH, or "".
std::string find_on_path(std::string_view name);

struct ProcessOptions {
  bool inherit_output = true;  // standard output; standard error is always ours
  bool own_group = false;      // a process group of its own: the terminal's signals pass it by
};

// A child process. Destroyed while it runs: asked to end (SIGTERM), and killed after five seconds.
// Not thread-safe. The child dies with its parent (Linux).
class EngineProcess {
 public:
  // `arguments` without the program's own name, for example {"serve", "--socket", path, ...}.
  static Result<std::unique_ptr<EngineProcess>> start(const std::string& program,
                                                      const std::vector<std::string>& arguments,
                                                      const ProcessOptions& options = {});
  ~EngineProcess();
  EngineProcess(const EngineProcess&) = delete;
  EngineProcess& operator=(const EngineProcess&) = delete;

  pid_t pid() const { return pid_; }
  // The exit code once it has ended (128 + the signal's number when one ended it), or nothing after
  // `timeout_ms` (< 0: waits without end).
  std::optional<int> wait(int timeout_ms);
  void signal(int number);

 private:
  explicit EngineProcess(pid_t pid) : pid_(pid) {}
  pid_t pid_;
  std::optional<int> exit_code_;
};

// A served model: the child and the channel to it.
struct ServedModel {
  std::unique_ptr<EngineProcess> process;
  std::unique_ptr<ChannelClient> client;  // destroyed first: closing it ends the child
};

// Starts `attune-engine serve --socket <fresh path> <arguments>` and shakes hands. `arguments` are
// the flags of `serve`: --model_name_or_path M [--adapter A] [--quantize Q] [--dtype D]. When the
// engine ends before it answers, the error says so with its exit code; its own message is on
// standard error or in the error here.
Result<ServedModel> serve_model(const std::vector<std::string>& arguments, int timeout_ms);

}  // namespace attune::protocol
