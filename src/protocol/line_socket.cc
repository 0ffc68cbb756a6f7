#include "protocol/line_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace attune::protocol {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kRetryMs = 10;
constexpr size_t kReadBytes = 64 << 10;

// A moment from which the rest of a timeout can be told; none for a negative timeout.
class Deadline {
 public:
  explicit Deadline(int timeout_ms)
      : endless_(timeout_ms < 0), at_(Clock::now() + std::chrono::milliseconds(timeout_ms)) {}

  // Milliseconds left, at least 0; -1 for no end.
  int left_ms() const {
    if (endless_) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(at_ - Clock::now()).count();
    return left > 0 ? static_cast<int>(left) : 0;
  }

 private:
  bool endless_;
  Clock::time_point at_;
};

// Whether `fd` became readable (or broke) in time.
bool wait_readable(int fd, const Deadline& deadline) {
  for (;;) {
    pollfd waited{fd, POLLIN, 0};
    const int ready = poll(&waited, 1, deadline.left_ms());
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return invalid_input("{}: a socket's path has 1 to {} bytes; choose a shorter one", path,
                         sizeof(address.sun_path) - 1);
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

int open_socket() {
  return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

int connect_once(const sockaddr_un& address) {
  const int fd = open_socket();
  if (fd < 0) return -1;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return fd;
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

// Removes a socket file that nobody listens on any more.
Status remove_abandoned(const std::string& path, const sockaddr_un& address) {
  struct stat found {};
  if (lstat(path.c_str(), &found) != 0) return {};
  if (!S_ISSOCK(found.st_mode)) {
    return invalid_input("{}: a file is already there; choose another path for the socket", path);
  }
  const int fd = connect_once(address);
  if (fd >= 0) {
    close(fd);
    return make_error(ErrorCode::kUnavailable,
                      "{}: another process is listening there; choose another path", path);
  }
  unlink(path.c_str());
  return {};
}

}  // namespace

Result<std::unique_ptr<LineSocket>> LineSocket::connect(const std::string& path, int timeout_ms) {
  const sockaddr_un address = TRY(address_of(path));
  const Deadline deadline(timeout_ms);
  for (;;) {
    const int fd = connect_once(address);
    if (fd >= 0) return std::make_unique<LineSocket>(fd);
    const int error = errno;
    const bool absent = error == ENOENT || error == ECONNREFUSED || error == EAGAIN;
    const int left_ms = deadline.left_ms();
    if (!absent || left_ms == 0) {
      return make_error(ErrorCode::kUnavailable, "{}: cannot connect: {}", path,
                        std::strerror(error));
    }
    poll(nullptr, 0, left_ms < 0 ? kRetryMs : std::min(left_ms, kRetryMs));
  }
}

LineSocket::~LineSocket() {
  close(fd_);
}

Status LineSocket::send_line(std::string_view line) {
  std::string bytes(line);
  bytes.push_back('\n');
  const std::lock_guard lock(send_mutex_);
  size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t count = send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      return make_error(ErrorCode::kUnavailable, "the other side of the channel has gone ({})",
                        std::strerror(errno));
    }
    sent += static_cast<size_t>(count);
  }
  return {};
}

bool LineSocket::take_line(size_t limit_bytes, ReceivedLine* line) {
  const size_t newline = received_.find('\n', searched_);
  if (newline == std::string::npos) {
    if (dropping_ || received_.size() > limit_bytes) {
      dropping_ = true;
      received_.clear();
    }
    searched_ = received_.size();
    return false;
  }
  const bool too_long = dropping_ || newline > limit_bytes;
  line->event = too_long ? LineEvent::kTooLong : LineEvent::kLine;
  if (!too_long) line->text = received_.substr(0, newline);
  if (!line->text.empty() && line->text.back() == '\r') line->text.pop_back();
  received_.erase(0, newline + 1);
  searched_ = 0;
  dropping_ = false;
  return true;
}

ReceivedLine LineSocket::receive(int timeout_ms, size_t limit_bytes) {
  const Deadline deadline(timeout_ms);
  ReceivedLine line;
  std::string chunk(kReadBytes, '\0');
  while (!take_line(limit_bytes, &line)) {
    if (!wait_readable(fd_, deadline)) {
      line.event = LineEvent::kTimeout;
      return line;
    }
    const ssize_t count = recv(fd_, chunk.data(), chunk.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      line.event = LineEvent::kClosed;
      return line;
    }
    received_.append(chunk.data(), static_cast<size_t>(count));
  }
  return line;
}

bool LineSocket::peer_has_gone() const {
  pollfd asked{fd_, POLLRDHUP, 0};
  return poll(&asked, 1, 0) > 0 && (asked.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void LineSocket::shut_down() {
  shutdown(fd_, SHUT_RDWR);
}

Result<std::unique_ptr<LineListener>> LineListener::listen(const std::string& path) {
  const sockaddr_un address = TRY(address_of(path));
  TRY(remove_abandoned(path, address));
  const int fd = open_socket();
  if (fd < 0) return io_error("{}: cannot make a socket: {}", path, std::strerror(errno));
  // The mode of the file is the mask's, and set before anyone can connect.
  const mode_t mask = umask(0177);
  const int bound = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const int error = errno;
  umask(mask);
  if (bound != 0 || ::listen(fd, 4) != 0) {
    const std::string reason = std::strerror(bound != 0 ? error : errno);
    close(fd);
    return io_error("{}: cannot listen there: {}", path, reason);
  }
  return std::unique_ptr<LineListener>(new LineListener(fd, path));
}

LineListener::~LineListener() {
  close(fd_);
  unlink(path_.c_str());
}

Result<std::unique_ptr<LineSocket>> LineListener::accept(int timeout_ms) {
  const Deadline deadline(timeout_ms);
  for (;;) {
    if (!wait_readable(fd_, deadline)) {
      return make_error(ErrorCode::kUnavailable, "{}: nobody connected within {} ms", path_,
                        timeout_ms);
    }
    const int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) return std::make_unique<LineSocket>(fd);
    if (errno != EINTR && errno != ECONNABORTED) {
      return io_error("{}: cannot accept a connection: {}", path_, std::strerror(errno));
    }
  }
}

}  // namespace attune::protocol
