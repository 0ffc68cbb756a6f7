#include "http_load.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "clock.h"

namespace attune::bench {
namespace {

constexpr size_t kReadBytes = 256 << 10;

Result<int> connected(const sockaddr_in& address) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return io_error("no connection to the server: {}", std::strerror(errno));
  }
  return fd;
}

Status send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return io_error("sending failed: {}", std::strerror(errno));
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return {};
}

size_t number_at(std::string_view text, int base) {
  size_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number, base);
  return number;
}

}  // namespace

int64_t monotonic_us() { return clock_us(CLOCK_MONOTONIC); }
int64_t processor_us() { return clock_us(CLOCK_PROCESS_CPUTIME_ID); }

Result<HttpLoad> HttpLoad::connect(const std::string& host, int port, size_t connections) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
    return invalid_input("{}: no address of IPv4", host);
  }
  HttpLoad load;
  load.buffer_.resize(kReadBytes);
  load.epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  for (size_t i = 0; i < connections; ++i) {
    load.sockets_.emplace_back();
    load.sockets_.back().fd = TRY(connected(address));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    ::epoll_ctl(load.epoll_, EPOLL_CTL_ADD, load.sockets_.back().fd, &event);
  }
  return load;
}

HttpLoad::HttpLoad(HttpLoad&& other) noexcept
    : epoll_(std::exchange(other.epoll_, -1)),
      sockets_(std::move(other.sockets_)),
      buffer_(std::move(other.buffer_)) {}

HttpLoad::~HttpLoad() {
  for (const Socket& socket : sockets_) ::close(socket.fd);
  if (epoll_ >= 0) ::close(epoll_);
}

void HttpLoad::send_at(size_t connection, int64_t due_us, std::string request) {
  due_.push({due_us, connection, std::move(request)});
}

Status HttpLoad::send_due() {
  while (!due_.empty() && due_.top().at_us <= monotonic_us()) {
    Socket& socket = sockets_[due_.top().connection];
    socket.due_us = due_.top().at_us;
    // The server reads a request whole before it answers, so this may block without a knot.
    TRY(send_all(socket.fd, due_.top().request));
    ++under_way_;
    due_.pop();
  }
  return {};
}

int64_t HttpLoad::wait_us() const {
  if (due_.empty()) return 60'000'000;
  return std::max<int64_t>(0, due_.top().at_us - monotonic_us());
}

Status HttpLoad::run(const std::function<void(size_t, const HttpAnswer&)>& answered) {
  std::array<epoll_event, 256> events;
  while (!due_.empty() || under_way_ > 0) {
    TRY(send_due());
    const int64_t wait = wait_us();
    const timespec limit{wait / 1'000'000, wait % 1'000'000 * 1000};
    const int count = ::epoll_pwait2(epoll_, events.data(), events.size(), &limit, nullptr);
    for (int i = 0; i < count; ++i) {
      const auto index = static_cast<size_t>(events[static_cast<size_t>(i)].data.u64);
      Socket& socket = sockets_[index];
      TRY(receive(socket));
      if (!TRY(parse(socket))) continue;
      --under_way_;
      if (socket.status >= 400) {
        return io_error("the server answered {}: {}", socket.status, socket.body.substr(0, 500));
      }
      answered(index, {socket.status, socket.body, monotonic_us() - socket.due_us});
      socket.body.clear();
    }
  }
  return {};
}

Status HttpLoad::receive(Socket& socket) {
  const ssize_t got = ::recv(socket.fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
  if (got > 0) socket.input.append(buffer_.data(), static_cast<size_t>(got));
  if (got > 0 || (got < 0 && errno == EAGAIN)) return {};
  return io_error("the server closed a connection");
}

Result<bool> HttpLoad::parse(Socket& socket) {
  for (;;) {
    switch (socket.state) {
      case Socket::kHead:
        if (!parse_head(socket)) return false;
        break;
      case Socket::kChunkSize:
        if (!parse_chunk_size(socket)) return false;
        break;
      case Socket::kChunk:
        take_body(socket, std::min(socket.left, socket.input.size()));
        if (socket.left > 0 || socket.input.size() < 2) return false;
        socket.input.erase(0, 2);
        socket.state = Socket::kChunkSize;
        break;
      case Socket::kBody:
        take_body(socket, std::min(socket.left, socket.input.size()));
        if (socket.left > 0) return false;
        socket.state = Socket::kHead;
        return true;
    }
  }
}

bool HttpLoad::parse_head(Socket& socket) {
  const size_t end = socket.input.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  const std::string_view head = std::string_view(socket.input).substr(0, end);
  socket.status = static_cast<int>(number_at(head.substr(9, 3), 10));
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  const size_t length = head.find(kLength);
  const bool chunked = head.find("\r\nTransfer-Encoding: chunked") != std::string_view::npos;
  socket.left =
      length == std::string_view::npos ? 0 : number_at(head.substr(length + kLength.size()), 10);
  socket.state = chunked ? Socket::kChunkSize : Socket::kBody;
  socket.input.erase(0, end + 4);
  return true;
}

// The end of a chunked body is told as a body of nothing more.
bool HttpLoad::parse_chunk_size(Socket& socket) {
  const size_t end = socket.input.find("\r\n");
  if (end == std::string::npos) return false;
  socket.left = number_at(socket.input, 16);
  const bool last = socket.left == 0;
  if (last && socket.input.size() < end + 4) return false;
  socket.input.erase(0, end + (last ? 4 : 2));
  socket.state = last ? Socket::kBody : Socket::kChunk;
  return true;
}

void HttpLoad::take_body(Socket& socket, size_t size) {
  const std::string_view piece = std::string_view(socket.input).substr(0, size);
  if (take_piece_) {
    take_piece_(piece);
  } else {
    socket.body += piece;
  }
  socket.input.erase(0, size);
  socket.left -= size;
}

}  // namespace attune::bench
