// An HTTP/1.1 server: one thread reads and writes all connections (epoll), a fixed number of
// threads runs the handlers. Keep-alive and pipelining; requests are read strictly (no smuggling:
// see parser.h); slow and idle clients are cut off by time, large ones by size.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "server/http/message.h"

namespace attune::http {

struct ServerLimits {
  size_t header_bytes = 64 << 10;
  size_t body_bytes = 256 << 20;
  size_t header_fields = 100;
  size_t connections = 4096;            // further ones are answered 503 and closed
  int64_t header_timeout_ms = 10'000;   // from the first byte of a request to its last header byte
  int64_t body_timeout_ms = 60'000;     // without any progress of the body
  int64_t idle_timeout_ms = 120'000;    // between requests
  int64_t write_timeout_ms = 60'000;    // without any progress of the response
};

struct ServerOptions {
  std::string address = "127.0.0.1";
  int port = 6900;  // 0: a free one, see Server::port
  int threads = 16;
  int stream_threads = 64;  // the most streamed bodies at once; more are answered 503
  ServerLimits limits;
  // TLS where both are set: PEM files.
  std::string certificate_path, key_path;
};

// What the server counts, for /metrics.
struct ServerCounts {
  int64_t connections = 0, requests = 0, in_flight = 0, refused = 0, timeouts = 0;
};

class Server {
 public:
  // Binds and listens; the error names the address and what to do (port in use).
  static Result<std::unique_ptr<Server>> listen(const ServerOptions& options,
                                                std::function<Response(Request&)> handle);
  ~Server();  // stops at once

  int port() const;
  // Serves until `stop`; then takes no new connection, finishes what runs (at most `drain_ms`) and
  // returns. Called once, from one thread.
  Status run(int64_t drain_ms = 10'000);
  // From any thread or a signal handler.
  void stop();
  ServerCounts counts() const;

 private:
  struct Loop;
  explicit Server(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

}  // namespace attune::http
