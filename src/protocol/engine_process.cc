#include "protocol/engine_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/file.h"
#include "protocol/child_wait.h"

namespace attune::protocol {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kProgram = "attune-engine";
constexpr int kEndMs = 5000;  // from SIGTERM to SIGKILL
constexpr int kPollMs = 5;

bool is_executable(const std::string& path) {
  return access(path.c_str(), X_OK) == 0 && !is_directory(path);
}

std::string beside_ourselves() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? std::string() : (self.parent_path() / kProgram).string();
}

// In the child: only async-signal-safe calls.
[[noreturn]] void run_child(char* const* arguments, pid_t parent, const ProcessOptions& options,
                            int failure_fd) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(127);
  if (options.own_group) setpgid(0, 0);
  const int nothing = open("/dev/null", O_RDWR);
  dup2(nothing, STDIN_FILENO);
  if (!options.inherit_output) dup2(nothing, STDOUT_FILENO);
  execv(arguments[0], arguments);
  const int error = errno;
  const ssize_t ignored = write(failure_fd, &error, sizeof(error));
  (void)ignored;
  _exit(127);
}

}  // namespace

std::string find_on_path(std::string_view name) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const size_t colon = rest.find(':');
    const std::string candidate = join_path(rest.substr(0, colon), name);
    if (is_executable(candidate)) return candidate;
    rest = colon == std::string_view::npos ? "" : rest.substr(colon + 1);
  }
  return "";
}

Result<std::string> find_engine() {
  if (const char* named = std::getenv("ATTUNE_ENGINE"); named != nullptr && *named != '\0') {
    if (is_executable(named)) return std::string(named);
    return not_found("ATTUNE_ENGINE={}: no program is there; correct or unset the variable", named);
  }
  const std::string beside = beside_ourselves();
  if (!beside.empty() && is_executable(beside)) return beside;
  if (std::string found = find_on_path(kProgram); !found.empty()) return found;
  return not_found("{} is neither at {} nor on PATH; build it (make build) or set ATTUNE_ENGINE",
                   kProgram, beside);
}

Result<std::unique_ptr<EngineProcess>> EngineProcess::start(
    const std::string& program, const std::vector<std::string>& arguments,
    const ProcessOptions& options) {
  std::vector<std::string> words{program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);

  int failure[2];  // closed by a successful exec, otherwise carries its errno
  if (pipe2(failure, O_CLOEXEC) != 0) return io_error("cannot make a pipe: {}", strerror(errno));
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) run_child(pointers.data(), parent, options, failure[1]);
  close(failure[1]);
  int error = pid < 0 ? errno : 0;
  while (pid > 0 && read(failure[0], &error, sizeof(error)) < 0 && errno == EINTR) {
  }
  close(failure[0]);
  if (error != 0) {
    if (pid > 0) waitpid(pid, nullptr, 0);
    return io_error("{}: cannot start it: {}", program, std::strerror(error));
  }
  return std::unique_ptr<EngineProcess>(new EngineProcess(pid));
}

EngineProcess::~EngineProcess() {
  if (wait(0)) return;
  signal(SIGTERM);
  if (wait(kEndMs)) return;
  signal(SIGKILL);
  wait(-1);
}

std::optional<int> EngineProcess::wait(int timeout_ms) {
  if (!exit_code_) exit_code_ = wait_for_child(pid_, timeout_ms);
  return exit_code_;
}

void EngineProcess::signal(int number) {
  if (!exit_code_) kill(pid_, number);
}

Result<ServedModel> serve_model(const std::vector<std::string>& arguments, int timeout_ms) {
  const std::string program = TRY(find_engine());
  const auto directory = TRY(TemporaryDirectory::create());
  const std::string path = directory->file("channel");
  std::vector<std::string> words{"serve", "--socket", path};
  words.insert(words.end(), arguments.begin(), arguments.end());
  ServedModel served;
  served.process = TRY(EngineProcess::start(program, words, {.inherit_output = false}));
  const auto end = Clock::now() + std::chrono::milliseconds(timeout_ms);
  // The engine listens before it loads its model: this part is short, unless it ends at once.
  while (!exists(path)) {
    if (const std::optional<int> code = served.process->wait(0)) {
      return make_error(ErrorCode::kUnavailable,
                        "{} ended with code {} before it listened; its message is above", program,
                        *code);
    }
    if (Clock::now() >= end) {
      return make_error(ErrorCode::kUnavailable, "{} did not start within {} ms", program,
                        timeout_ms);
    }
    poll(nullptr, 0, kPollMs);
  }
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
  served.client =
      TRY(ChannelClient::connect(path, static_cast<int>(std::max<int64_t>(left.count(), 0))));
  return served;
}

}  // namespace attune::protocol
