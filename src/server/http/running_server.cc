#include "server/http/running_server.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>

namespace attune::http::testing {

std::string Answer::header(std::string_view name) const {
  for (size_t at = head.find("\r\n"); at + 2 < head.size();) {
    const size_t end = head.find("\r\n", at + 2);
    const std::string line = head.substr(at + 2, end - at - 2);
    const size_t colon = line.find(": ");
    if (colon != std::string::npos && same_name(line.substr(0, colon), name)) {
      return line.substr(colon + 2);
    }
    at = end;
  }
  return "";
}

Client::Client(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const timeval half_a_minute{30, 0};
  setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &half_a_minute, sizeof half_a_minute);
  setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &half_a_minute, sizeof half_a_minute);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    socket_.reset();
  }
}

void Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // the server closed: what it said can still be read
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
}

size_t Client::send_some(std::string_view bytes) {
  const ssize_t sent =
      ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return static_cast<size_t>(std::max<ssize_t>(sent, 0));
}

std::string Client::read_some() {
  std::string bytes(64 << 10, '\0');
  const ssize_t got = recv(socket_.get(), bytes.data(), bytes.size(), 0);
  EXPECT_FALSE(got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) << "nothing came";
  bytes.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
  return bytes;
}

std::string Client::read_all() {
  std::string all = std::move(buffer_);
  buffer_.clear();
  for (std::string piece = read_some(); !piece.empty(); piece = read_some()) all += piece;
  return all;
}

Answer Client::read_answer(bool head_only) {
  Answer answer;
  const auto more = [this] {
    const std::string piece = read_some();
    buffer_ += piece;
    return !piece.empty();
  };
  const auto take = [this, &more](size_t bytes, std::string& into) {
    while (buffer_.size() < bytes && more()) {
    }
    into += buffer_.substr(0, bytes);
    const bool whole = buffer_.size() >= bytes;
    buffer_.erase(0, bytes);
    return whole;
  };
  size_t end;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!more()) return answer;
  }
  take(end + 4, answer.head);
  answer.status = std::atoi(answer.head.c_str() + 9);
  answer.whole = true;
  if (head_only || answer.status < 200 || answer.status == 204) return answer;
  if (answer.header("Transfer-Encoding") == "chunked") {
    for (;;) {
      while ((end = buffer_.find("\r\n")) == std::string::npos) {
        if (!more()) return answer.whole = false, answer;
      }
      const size_t size = std::stoul(buffer_.substr(0, end), nullptr, 16);
      buffer_.erase(0, end + 2);
      std::string line_end;
      if (!take(size, answer.body) || !take(2, line_end)) return answer.whole = false, answer;
      if (size == 0) return answer;
    }
  }
  const std::string length = answer.header("Content-Length");
  if (length.empty()) {
    answer.body = read_all();
  } else {
    answer.whole = take(std::stoul(length), answer.body);
  }
  return answer;
}

std::string get(std::string_view path, std::string_view lines) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: test\r\n" + std::string(lines) + "\r\n";
}

std::string post(std::string_view path, std::string_view body) {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: test\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

RunningServer::RunningServer(std::function<Response(Request&)> handle, ServerOptions options) {
  options.port = 0;
  options.clock_ms = [this] { return clock_ms_.load(); };
  server_ = Server::listen(options, std::move(handle)).value();
  thread_ = std::thread([this] { result_ = server_->run(); });
}

RunningServer::~RunningServer() {
  if (thread_.joinable()) (void)stop();
}

Status RunningServer::stop() {
  server_->stop();
  join();
  return result_;
}

void RunningServer::join() { thread_.join(); }

void RunningServer::pass_ms(int64_t ms) {
  clock_ms_ += ms;
  server_->wake();
}

void RunningServer::wait_until(const std::function<bool()>& holds) {
  while (!holds()) std::this_thread::yield();
}

void RunningServer::wait_received(size_t bytes) {
  wait_until([&] { return server_->counts().received_bytes >= static_cast<int64_t>(bytes); });
}

}  // namespace attune::http::testing
