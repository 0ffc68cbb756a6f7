// Keep-alive HTTP/1.1 connections on one thread, for loading a server: epoll, and as little work
// for each exchange as can be, since the client shares the machine with what it measures.
//
//   auto load = TRY(HttpLoad::connect("127.0.0.1", 6900, 200));
//   load.send_at(0, monotonic_us(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
//   TRY(load.run([&](size_t connection, const HttpAnswer& answer) { ... send_at ... }));
//
// The time of an answer counts from when its request was due, not from when it could be sent: what
// a slow server makes wait is part of the measurement.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace attune::bench {

int64_t monotonic_us();
int64_t processor_us();  // of this process

struct HttpAnswer {
  int status = 0;
  std::string_view body;  // empty where pieces are taken
  int64_t micros = 0;     // since it was due
};

class HttpLoad {
 public:
  static Result<HttpLoad> connect(const std::string& host, int port, size_t connections);
  ~HttpLoad();
  HttpLoad(HttpLoad&& other) noexcept;
  HttpLoad& operator=(HttpLoad&&) = delete;
  HttpLoad(const HttpLoad&) = delete;
  HttpLoad& operator=(const HttpLoad&) = delete;

  // A request for a connection that has none under way.
  void send_at(size_t connection, int64_t due_us, std::string request);
  // Bodies go here as they come, instead of being kept.
  void take_pieces(std::function<void(std::string_view)> take) { take_piece_ = std::move(take); }
  // Until nothing is due or under way. A status of 400 or more and a connection that breaks are
  // errors.
  Status run(const std::function<void(size_t connection, const HttpAnswer& answer)>& answered);

 private:
  struct Socket {
    int fd = -1;
    std::string input;
    std::string body;
    int64_t due_us = 0;
    int status = 0;
    size_t left = 0;  // bytes of the body, or of the chunk, that are not read yet
    enum { kHead, kBody, kChunkSize, kChunk } state = kHead;
  };
  struct Due {
    int64_t at_us;
    size_t connection;
    std::string request;
    bool operator>(const Due& other) const { return at_us > other.at_us; }
  };

  HttpLoad() = default;
  Status send_due();
  int64_t wait_us() const;
  Status receive(Socket& socket);
  // Whether the answer is whole.
  Result<bool> parse(Socket& socket);
  bool parse_head(Socket& socket);
  bool parse_chunk_size(Socket& socket);
  void take_body(Socket& socket, size_t size);

  int epoll_ = -1;
  size_t under_way_ = 0;
  std::vector<Socket> sockets_;
  std::string buffer_;  // of one read
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::function<void(std::string_view)> take_piece_;
};

}  // namespace attune::bench
