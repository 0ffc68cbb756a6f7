#include "cli/run_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "base/log.h"

namespace attune::cli {

static constexpr std::chrono::milliseconds kPoll{20};  // flock knows no time limit of its own

Result<std::unique_ptr<RunLock>> RunLock::take(const std::string& run_directory, int wait_ms) {
  using Clock = std::chrono::steady_clock;
  // No O_CLOEXEC: the engine holds it too.
  const int fd = ::open(run_directory.c_str(), O_RDONLY | O_DIRECTORY);
  if (fd < 0) {
    return io_error("{}: cannot open the run directory: {}", run_directory, std::strerror(errno));
  }
  std::unique_ptr<RunLock> lock(new RunLock(fd));
  const Clock::time_point end = Clock::now() + std::chrono::milliseconds(wait_ms);
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      log_warning("{}: cannot be locked ({}); let no other training write there", run_directory,
                  std::strerror(errno));
      break;
    }
    if (Clock::now() >= end) {
      return io_error("{}: another training works in this directory; wait for its end, or give "
                      "another --output_dir", run_directory);
    }
    std::this_thread::sleep_for(kPoll);
  }
  return lock;
}

RunLock::~RunLock() { ::close(fd_); }

}  // namespace attune::cli
