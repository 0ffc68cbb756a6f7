// Lines of text over a Unix stream socket: the transport of the request channel (channel.h).
//
// Nothing is buffered without bound: receive() keeps at most one line, and send_line() blocks
// while the peer does not read, so that a slow reader slows its writer down.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.h"

namespace attune::protocol {

// Bytes of the longest line that receive() gives out, without its newline.
inline constexpr size_t kLineBytesMax = 8u << 20;

enum class LineEvent {
  kLine,     // `text` is a whole line without its newline
  kTooLong,  // a line above the limit was read and dropped; the next one is intact
  kTimeout,  // nothing whole arrived in time; what came is kept
  kClosed,   // the peer closed or the connection broke; a cut last line is dropped
};

struct ReceivedLine {
  LineEvent event = LineEvent::kClosed;
  std::string text;
};

// One connected socket. Any thread may send; one thread at a time may receive.
class LineSocket {
 public:
  // Connects to `path`; while nothing listens there, tries again until `timeout_ms` have passed.
  static Result<std::unique_ptr<LineSocket>> connect(const std::string& path, int timeout_ms);

  explicit LineSocket(int fd) : fd_(fd) {}  // takes over the descriptor
  ~LineSocket();
  LineSocket(const LineSocket&) = delete;
  LineSocket& operator=(const LineSocket&) = delete;

  // Writes the line and a newline whole. kUnavailable when the peer has gone.
  Status send_line(std::string_view line);

  // timeout_ms < 0 waits without end.
  ReceivedLine receive(int timeout_ms, size_t limit_bytes = kLineBytesMax);

  // Whether the peer has closed its side, even while lines of it are still unread. Does not wait.
  bool peer_has_gone() const;

  // Ends both directions at once: the peer, and our own blocked send or receive, see it closed.
  void shut_down();

 private:
  bool take_line(size_t limit_bytes, ReceivedLine* line);

  int fd_;
  std::mutex send_mutex_;
  std::string received_;   // bytes that came and were not given out
  size_t searched_ = 0;    // of them, how many hold no newline
  bool dropping_ = false;  // inside a line above the limit
};

// A socket file that accepts connections; removed with the object. Only its owner may connect
// (mode 0600).
class LineListener {
 public:
  // Fails when the path is longer than the system allows (107 bytes) or a file lies there that is
  // no abandoned socket.
  static Result<std::unique_ptr<LineListener>> listen(const std::string& path);
  ~LineListener();
  LineListener(const LineListener&) = delete;
  LineListener& operator=(const LineListener&) = delete;

  // timeout_ms < 0 waits without end; kUnavailable after a timeout.
  Result<std::unique_ptr<LineSocket>> accept(int timeout_ms);

 private:
  LineListener(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  int fd_;
  std::string path_;
};

}  // namespace attune::protocol
