// One connection: reads a request, waits for its answer, writes that, and again. Knows no epoll and
// no threads: the server's loop tells it what the socket can do and what time it is, and asks what
// it waits for. Used by the loop's thread alone.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "server/http/parser.h"
#include "server/http/server.h"
#include "server/http/socket.h"
#include "server/http/stream_pipe.h"

namespace attune::http {

// What all connections of a server share.
struct ConnectionContext {
  ServerLimits limits;
  std::function<BodyLimit(const Request&)> body_limit;  // see ServerOptions
  std::string id_prefix;  // of request ids that we make up
  uint64_t ids = 0;
  bool draining = false;  // every answer ends its connection
  std::atomic<size_t> buffered_bytes = 0;
  std::atomic<int64_t> refused = 0, timeouts = 0, received_bytes = 0;
};

// A part of ConnectionContext::buffered_bytes, given back with the object.
class BufferShare {
 public:
  explicit BufferShare(ConnectionContext& context) : context_(&context) {}
  BufferShare(BufferShare&& other) noexcept
      : context_(other.context_), bytes_(std::exchange(other.bytes_, 0)) {}
  BufferShare& operator=(BufferShare&&) = delete;
  ~BufferShare() { resize(0); }
  void resize(size_t bytes) {
    context_->buffered_bytes += bytes - bytes_;  // unsigned: a smaller one wraps to a subtraction
    bytes_ = bytes;
  }

 private:
  ConnectionContext* context_;
  size_t bytes_ = 0;
};

class Connection {
 public:
  struct Asked {
    Request request;
    BufferShare share;  // kept until the request is let go
  };

  Connection(Descriptor socket, std::unique_ptr<Transport> transport, std::string address,
             ConnectionContext& context, int64_t now_ms);
  ~Connection();

  int socket() const { return socket_.get(); }
  bool closed() const { return phase_ == Phase::kClosed; }
  bool wants_read() const;
  bool wants_write() const;
  int64_t deadline_ms() const { return deadline_ms_; }  // INT64_MAX for none

  // The socket can be read or written, or the pipe has something.
  void advance(int64_t now_ms);
  void expire(int64_t now_ms);  // the deadline has passed
  // A request that became whole, once; respond() must follow.
  std::optional<Asked> take_request();
  // `pipe` brings the body of a streamed response.
  void respond(Response response, std::shared_ptr<StreamPipe> pipe, int64_t now_ms);
  bool wants_no_body() const { return head_only_; }  // the request that is being answered is HEAD
  // Answers without a request and closes: the server has no room.
  void refuse(int status, std::string_view text, int64_t now_ms);
  void abandon() { close(); }  // the client is gone
  // Closes unless a request is on its way; see ConnectionContext::draining.
  void drain(int64_t now_ms);

 private:
  enum class Phase { kReading, kAsked, kHandling, kResponding, kLingering, kClosed };

  bool flush(int64_t now_ms);
  bool read(int64_t now_ms);
  void feed(int64_t now_ms);
  void set_read_deadline(ParserState before, int64_t now_ms);
  bool pull(int64_t now_ms);
  void push(std::string bytes, int64_t now_ms);
  void end_response(int64_t now_ms);
  void linger(int64_t now_ms);
  void close();

  Descriptor socket_;
  std::unique_ptr<Transport> transport_;
  std::string address_;
  ConnectionContext& context_;
  RequestParser parser_;
  Phase phase_ = Phase::kReading;
  int64_t deadline_ms_;
  std::string input_;        // read, but behind the request that is being answered
  size_t progress_bytes_ = 0;  // of the body when its deadline was set, or written since then
  bool continued_ = false;   // 100 Continue was sent
  BufferShare share_;

  std::deque<std::string> output_;
  size_t sent_ = 0;  // of output_.front()
  Transfer::Outcome read_wait_ = Transfer::Outcome::kWaitRead;
  Transfer::Outcome write_wait_ = Transfer::Outcome::kWaitWrite;

  // Of the request that is being answered.
  std::string request_id_;
  bool keep_alive_ = false, http_1_0_ = false, head_only_ = false;
  std::shared_ptr<StreamPipe> pipe_;
  bool chunked_ = false;
};

}  // namespace attune::http
