// A program of the user's that answers lines on standard input with lines on standard output: the
// transport of reward commands (reward_command.h).
//
// Reading, writing and what it says on standard error are served together, so that neither side
// waits for the other with a full pipe. The program runs under /bin/sh in a process group of its
// own: Ctrl-C passes it by, and the whole group is killed with the object; the shell dies with us
// however we end, and what it started reads the end of its input. Not thread-safe.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "protocol/line_socket.h"

namespace attune::protocol {

class LineProcess {
 public:
  // Ignores SIGPIPE in this process from then on: a reader that is gone is an event, not a death.
  static Result<std::unique_ptr<LineProcess>> start(const std::string& command);
  ~LineProcess();
  LineProcess(const LineProcess&) = delete;
  LineProcess& operator=(const LineProcess&) = delete;

  // Puts a line and its newline in the queue; receive() writes it.
  void send(std::string_view line);

  // The next line of its standard output. kClosed: it closed that, or has ended; what it wrote of a
  // last line is in cut_line().
  ReceivedLine receive(int timeout_ms, size_t limit_bytes = kLineBytesMax);
  const std::string& cut_line() const { return received_; }

  // How it ended: its exit code, 128 + the signal's number, or nothing while it runs after
  // `timeout_ms`.
  std::optional<int> wait(int timeout_ms);

  // The last lines of its standard error, oldest first.
  const std::deque<std::string>& last_errors() const { return errors_; }

 private:
  enum Stream { kInput, kOutput, kErrors, kStreams };

  LineProcess(pid_t pid, int input, int output, int errors);
  void serve(int timeout_ms);
  void write_queued();
  void read_output();
  void read_errors();
  void keep_error_lines();
  void close_stream(Stream stream);
  bool take_line(size_t limit_bytes, ReceivedLine* line);

  pid_t pid_;
  std::optional<int> exit_code_;
  int fds_[kStreams];
  std::string queued_;     // not yet written
  std::string received_;   // came and was not given out
  size_t searched_ = 0;    // of it, how much holds no newline
  bool dropping_ = false;  // inside a line above the limit
  std::string error_text_;
  std::deque<std::string> errors_;
};

}  // namespace attune::protocol
