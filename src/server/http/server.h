// An HTTP/1.1 server: one thread reads and writes all connections (epoll), a fixed number of
// threads runs the handlers. Keep-alive and pipelining (answers in order); requests are read
// strictly (no smuggling: see parser.h); slow and idle clients are cut off by time, large ones by
// size.
//
//   auto server = TRY(Server::listen(options, [&](Request& request) {
//     return router.dispatch(request);
//   }));
//   TRY(server->run());   // until server->stop(), from a signal handler or another thread
//
// What a handler throws is answered 500; a request that never reached one gets {"detail": text}.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "server/http/message.h"

namespace attune::http {

// A body or response that moves by less than this is not moving.
inline constexpr size_t kProgressBytes = 4096;

struct ServerLimits {
  size_t header_bytes = 64 << 10;
  size_t body_bytes = 256 << 20;
  size_t header_fields = 100;
  size_t buffered_bytes = 1 << 30;      // bodies of requests not yet answered; beyond, 503
  size_t connections = 4096;            // further ones are answered 503 and closed
  int64_t header_timeout_ms = 10'000;   // from the first byte of a request to its last header byte
  int64_t body_timeout_ms = 60'000;     // for each further kProgressBytes of the body
  int64_t idle_timeout_ms = 120'000;    // between requests
  int64_t write_timeout_ms = 60'000;    // for each further kProgressBytes of the response
  int64_t linger_ms = 2'000;            // for a client to read an answer that ends the connection
};

struct ServerOptions {
  std::string address = "127.0.0.1";
  int port = 6900;  // 0: a free one, see Server::port
  // Requests handled at once. One that writes waits for the disk, together with the others that do:
  // more threads, larger commits. They are started as they are needed.
  int threads = 64;
  int stream_threads = 64;  // the most streamed bodies at once; more are answered 503
  ServerLimits limits;
  // What the body of a request with this head may have at most, where that is less than
  // limits.body_bytes. Called by the thread of all connections: it must not wait nor throw.
  std::function<BodyLimit(const Request&)> body_limit;
  // TLS where both are set: PEM files.
  std::string certificate_path, key_path;
  // Milliseconds that only grow; tests put their own here and call Server::wake after changing it.
  std::function<int64_t()> clock_ms;
};

// What the server counts, for /metrics.
struct ServerCounts {
  int64_t connections = 0;     // open now
  int64_t requests = 0;        // that reached the handler
  int64_t in_flight = 0;       // with the handler now, streamed bodies with them
  int64_t refused = 0;         // not understood, too large, too many
  int64_t timeouts = 0;        // cut off in a request or response
  int64_t received_bytes = 0;  // as the requests were, without TLS
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
  // A handler that runs longer is waited for by the destructor.
  Status run(int64_t drain_ms = 10'000);
  // From any thread or a signal handler.
  void stop();
  ServerCounts counts() const;
  // Looks at the clock again.
  void wake();

 private:
  class Loop;
  explicit Server(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

}  // namespace attune::http
