#include "protocol/child_wait.h"

#include <poll.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>

namespace attune::protocol {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPollMs = 5;

}  // namespace

std::optional<int> wait_for_child(pid_t pid, int timeout_ms,
                                  const std::function<void(int)>& meanwhile) {
  const auto end = Clock::now() + std::chrono::milliseconds(timeout_ms);
  for (;;) {
    int status = 0;
    const pid_t ended = waitpid(pid, &status, timeout_ms < 0 ? 0 : WNOHANG);
    if (ended == pid) return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    if (ended < 0 && errno != EINTR) return 127;
    if (timeout_ms < 0) continue;
    if (Clock::now() >= end) return std::nullopt;
    if (meanwhile) {
      meanwhile(kPollMs);
    } else {
      poll(nullptr, 0, kPollMs);
    }
  }
}

}  // namespace attune::protocol
