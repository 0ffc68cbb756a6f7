#include "protocol/line_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "protocol/child_wait.h"

namespace attune::protocol {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kErrorLines = 20;       // kept of standard error
constexpr size_t kErrorLineBytes = 500;  // of each

struct Pipe {
  int ends[2] = {-1, -1};
  bool open() { return pipe2(ends, O_CLOEXEC) == 0; }
  int take(int end) { return std::exchange(ends[end], -1); }
  ~Pipe() {
    for (int fd : ends) {
      if (fd >= 0) close(fd);
    }
  }
};

// In the child: only async-signal-safe calls.
[[noreturn]] void run_child(const char* command, pid_t parent, int input, int output, int errors) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  setpgid(0, 0);
  signal(SIGPIPE, SIG_DFL);
  dup2(input, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(errors, STDERR_FILENO);
  execl("/bin/sh", "sh", "-c", command, static_cast<char*>(nullptr));
  _exit(127);
}

int left_ms(Clock::time_point end) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
  return static_cast<int>(std::max<int64_t>(left.count(), 0));
}

}  // namespace

Result<std::unique_ptr<LineProcess>> LineProcess::start(const std::string& command) {
  Pipe input;
  Pipe output;
  Pipe errors;
  if (!input.open() || !output.open() || !errors.open()) {
    return io_error("cannot make a pipe: {}", std::strerror(errno));
  }
  signal(SIGPIPE, SIG_IGN);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) run_child(command.c_str(), parent, input.ends[0], output.ends[1], errors.ends[1]);
  if (pid < 0) return io_error("cannot start `{}`: {}", command, std::strerror(errno));
  setpgid(pid, pid);  // also here: the group exists before anybody kills it
  return std::unique_ptr<LineProcess>(
      new LineProcess(pid, input.take(1), output.take(0), errors.take(0)));
}

LineProcess::LineProcess(pid_t pid, int input, int output, int errors)
    : pid_(pid), fds_{input, output, errors} {
  for (int fd : fds_) fcntl(fd, F_SETFL, O_NONBLOCK);
}

LineProcess::~LineProcess() {
  kill(-pid_, SIGKILL);  // whatever is left of the group, also behind a shell that has ended
  wait(-1);
  for (Stream stream : {kInput, kOutput, kErrors}) close_stream(stream);
}

std::optional<int> LineProcess::wait(int timeout_ms) {
  if (!exit_code_) {
    // A program that has more to say than a pipe holds could not end.
    exit_code_ = wait_for_child(pid_, timeout_ms, [this](int ms) { serve(ms); });
    if (!exit_code_) return std::nullopt;
  }
  read_errors();  // its last words
  if (!error_text_.empty()) error_text_ += '\n';
  keep_error_lines();
  return exit_code_;
}

void LineProcess::send(std::string_view line) {
  if (fds_[kInput] < 0) return;  // it has closed its input; receive() will tell
  queued_.append(line);
  queued_ += '\n';
}

ReceivedLine LineProcess::receive(int timeout_ms, size_t limit_bytes) {
  const auto end = Clock::now() + std::chrono::milliseconds(timeout_ms);
  ReceivedLine line;
  for (bool last = false;; last = left_ms(end) == 0) {
    if (take_line(limit_bytes, &line)) return line;
    if (fds_[kOutput] < 0) return {LineEvent::kClosed, ""};
    if (last) return {LineEvent::kTimeout, ""};
    serve(left_ms(end));
  }
}

// One round of what can be read and written now, or within `timeout_ms`.
void LineProcess::serve(int timeout_ms) {
  pollfd watched[kStreams] = {
      {queued_.empty() ? -1 : fds_[kInput], POLLOUT, 0},
      {fds_[kOutput], POLLIN, 0},
      {fds_[kErrors], POLLIN, 0},
  };
  if (poll(watched, kStreams, timeout_ms) <= 0) return;
  if (watched[kInput].revents != 0) write_queued();
  if (watched[kOutput].revents != 0) read_output();
  if (watched[kErrors].revents != 0) read_errors();
}

void LineProcess::write_queued() {
  const ssize_t written = write(fds_[kInput], queued_.data(), queued_.size());
  if (written > 0) {
    queued_.erase(0, static_cast<size_t>(written));
  } else if (written < 0 && errno != EAGAIN && errno != EINTR) {
    queued_.clear();
    close_stream(kInput);
  }
}

void LineProcess::read_output() {
  char bytes[16384];
  const ssize_t count = read(fds_[kOutput], bytes, sizeof(bytes));
  if (count > 0) {
    received_.append(bytes, static_cast<size_t>(count));
  } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
    close_stream(kOutput);
  }
}

void LineProcess::read_errors() {
  char bytes[16384];
  while (fds_[kErrors] >= 0) {
    const ssize_t count = read(fds_[kErrors], bytes, sizeof(bytes));
    if (count > 0) {
      error_text_.append(bytes, static_cast<size_t>(count));
      keep_error_lines();
      continue;
    }
    if (count == 0 || (errno != EAGAIN && errno != EINTR)) close_stream(kErrors);
    return;
  }
}

void LineProcess::keep_error_lines() {
  for (size_t end = error_text_.find('\n'); end != std::string::npos;
       end = error_text_.find('\n')) {
    if (end > 0) errors_.push_back(error_text_.substr(0, std::min(end, kErrorLineBytes)));
    if (errors_.size() > kErrorLines) errors_.pop_front();
    error_text_.erase(0, end + 1);
  }
  if (error_text_.size() > kErrorLineBytes) error_text_.resize(kErrorLineBytes);
}

void LineProcess::close_stream(Stream stream) {
  if (fds_[stream] >= 0) close(std::exchange(fds_[stream], -1));
}

bool LineProcess::take_line(size_t limit_bytes, ReceivedLine* line) {
  for (;;) {
    const size_t end = received_.find('\n', searched_);
    if (end == std::string::npos) {
      searched_ = received_.size();
      if (received_.size() <= limit_bytes) return false;
      received_.clear();
      searched_ = 0;
      if (std::exchange(dropping_, true)) return false;
      *line = {LineEvent::kTooLong, ""};
      return true;
    }
    line->text = received_.substr(0, end);
    received_.erase(0, end + 1);
    searched_ = 0;
    if (std::exchange(dropping_, false)) continue;  // the end of a line that was reported
    line->event = line->text.size() > limit_bytes ? LineEvent::kTooLong : LineEvent::kLine;
    return true;
  }
}

}  // namespace attune::protocol
