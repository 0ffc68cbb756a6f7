// For tests: a server on a free port, on a thread of its own, and a client that speaks bytes.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "server/http/server.h"
#include "server/http/socket.h"

namespace attune::http::testing {

// What a client read of one response.
struct Answer {
  int status = 0;
  std::string head;  // with the status line
  std::string body;  // put together again where it came in chunks
  bool whole = false;
  // The value of a header, "" without it.
  std::string header(std::string_view name) const;
};

// Blocking; a read that gets nothing for half a minute fails the test instead of hanging it.
class Client {
 public:
  explicit Client(int port);
  void send(std::string_view bytes);
  // Sends what fits now, without waiting; how much that was.
  size_t send_some(std::string_view bytes);
  std::string read_some();  // "" at the end of the connection
  Answer read_answer(bool head_only = false);
  std::string read_all();  // until the server closes
  void close() { socket_.reset(); }
  bool connected() const { return socket_.valid(); }

 private:
  Descriptor socket_;
  std::string buffer_;
};

std::string get(std::string_view path, std::string_view lines = "");
std::string post(std::string_view path, std::string_view body);

class RunningServer {
 public:
  explicit RunningServer(std::function<Response(Request&)> handle, ServerOptions options = {});
  ~RunningServer();

  Client connect() { return Client(port()); }
  int port() const { return server_->port(); }
  Server& server() { return *server_; }
  // Moves the server's clock, which stands still otherwise.
  void pass_ms(int64_t ms);
  // Spins until the server has received so many bytes in all.
  void wait_received(size_t bytes);
  // Spins until it holds.
  static void wait_until(const std::function<bool()>& holds);
  // Ends run() and returns what it said.
  Status stop();
  void join();  // waits for run() to end

 private:
  std::atomic<int64_t> clock_ms_ = 1'000'000;
  std::unique_ptr<Server> server_;
  Status result_;
  std::thread thread_;
};

}  // namespace attune::http::testing
