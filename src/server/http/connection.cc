#include "server/http/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "server/http/response_text.h"

namespace attune::http {
namespace {

constexpr int64_t kNever = INT64_MAX;
constexpr size_t kReadBytes = 64 << 10;
constexpr int kReadsInTurn = 16;           // before the other connections have theirs
constexpr size_t kJoinedBytes = 16 << 10;  // a body up to this goes out with its header

// The client's id where it can stand in a log line and a header as it is.
bool is_harmless_id(std::string_view id) {
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           c == '-' || c == '_' || c == '.';
  });
}

}  // namespace

Connection::Connection(Descriptor socket, std::unique_ptr<Transport> transport,
                       std::string address, ConnectionContext& context, int64_t now_ms)
    : socket_(std::move(socket)),
      transport_(std::move(transport)),
      address_(std::move(address)),
      context_(context),
      parser_({context.limits.header_bytes, context.limits.header_fields,
               context.limits.body_bytes, context.body_limit}),
      deadline_ms_(now_ms + context.limits.header_timeout_ms),
      share_(context) {}

Connection::~Connection() { close(); }

void Connection::close() {
  if (pipe_) pipe_->close();
  output_.clear();
  phase_ = Phase::kClosed;
  deadline_ms_ = kNever;
}

bool Connection::wants_read() const {
  if (!output_.empty()) return write_wait_ == Transfer::Outcome::kWaitRead;
  return (phase_ == Phase::kReading || phase_ == Phase::kLingering) &&
         read_wait_ == Transfer::Outcome::kWaitRead;
}

bool Connection::wants_write() const {
  if (!output_.empty()) return write_wait_ == Transfer::Outcome::kWaitWrite;
  return (phase_ == Phase::kReading || phase_ == Phase::kLingering) &&
         read_wait_ == Transfer::Outcome::kWaitWrite;
}

void Connection::advance(int64_t now_ms) {
  while (flush(now_ms)) {
    if (phase_ == Phase::kResponding) {
      if (pipe_ == nullptr) {
        end_response(now_ms);
      } else if (!pull(now_ms)) {
        return;
      }
    } else if (phase_ == Phase::kReading || phase_ == Phase::kLingering) {
      if (!read(now_ms)) return;
    } else {
      return;
    }
  }
}

// Writes what there is; whether all of it has left.
bool Connection::flush(int64_t now_ms) {
  while (!output_.empty()) {
    const std::string& front = output_.front();
    const Transfer moved = transport_->write(std::string_view(front).substr(sent_));
    if (moved.outcome != Transfer::Outcome::kMoved) {
      write_wait_ = moved.outcome;
      const bool waits = moved.outcome == Transfer::Outcome::kWaitRead ||
                         moved.outcome == Transfer::Outcome::kWaitWrite;
      if (!waits) close();
      return false;
    }
    sent_ += moved.bytes;
    progress_bytes_ += moved.bytes;
    if (progress_bytes_ >= kProgressBytes) {
      deadline_ms_ = now_ms + context_.limits.write_timeout_ms;
      progress_bytes_ = 0;
    }
    if (sent_ == front.size()) {
      output_.pop_front();
      sent_ = 0;
    }
  }
  return phase_ != Phase::kClosed;
}

void Connection::push(std::string bytes, int64_t now_ms) {
  if (bytes.empty()) return;
  if (output_.empty()) {
    progress_bytes_ = 0;
    if (phase_ != Phase::kReading) deadline_ms_ = now_ms + context_.limits.write_timeout_ms;
  }
  output_.push_back(std::move(bytes));
}

// Reads what there is; false when nothing more can be done now.
bool Connection::read(int64_t now_ms) {
  if (phase_ == Phase::kReading && !input_.empty()) {
    feed(now_ms);
    return true;
  }
  std::array<char, kReadBytes> bytes;
  for (int i = 0; i < kReadsInTurn || transport_->pending(); ++i) {
    const Transfer moved = transport_->read(bytes.data(), bytes.size());
    if (moved.outcome == Transfer::Outcome::kEnded ||
        moved.outcome == Transfer::Outcome::kBroken) {
      close();
      return false;
    }
    if (moved.outcome != Transfer::Outcome::kMoved) {
      read_wait_ = moved.outcome;
      return false;
    }
    context_.received_bytes += static_cast<int64_t>(moved.bytes);
    if (phase_ == Phase::kLingering) continue;  // to be thrown away
    input_.assign(bytes.data(), moved.bytes);
    feed(now_ms);
    if (phase_ != Phase::kReading || !output_.empty()) return true;
  }
  return false;
}

void Connection::feed(int64_t now_ms) {
  const ParserState before = parser_.state();
  input_.erase(0, parser_.feed(input_));
  share_.resize(parser_.body_bytes());
  set_read_deadline(before, now_ms);
  if (parser_.state() == ParserState::kFailed) {
    const ParserFault fault = parser_.fault();
    return refuse(fault.status, fault.text, now_ms);
  }
  if (context_.buffered_bytes > context_.limits.buffered_bytes) {
    return refuse(503, "The server holds too many requests; try again", now_ms);
  }
  if (parser_.state() == ParserState::kDone) {
    phase_ = Phase::kAsked;
    deadline_ms_ = kNever;
  } else if (parser_.state() == ParserState::kBody && parser_.expects_continue() && !continued_) {
    continued_ = true;
    if (parser_.body_bytes() == 0) push("HTTP/1.1 100 Continue\r\n\r\n", now_ms);
  }
}

void Connection::set_read_deadline(ParserState before, int64_t now_ms) {
  const ParserState state = parser_.state();
  if (state == ParserState::kHead && before != ParserState::kHead) {
    deadline_ms_ = now_ms + context_.limits.header_timeout_ms;
  } else if (state == ParserState::kBody &&
             (before != ParserState::kBody ||
              parser_.body_bytes() >= progress_bytes_ + kProgressBytes)) {
    deadline_ms_ = now_ms + context_.limits.body_timeout_ms;
    progress_bytes_ = parser_.body_bytes();
  }
}

std::optional<Connection::Asked> Connection::take_request() {
  if (phase_ != Phase::kAsked) return std::nullopt;
  phase_ = Phase::kHandling;
  keep_alive_ = parser_.keep_alive();
  http_1_0_ = parser_.http_1_0();
  head_only_ = parser_.method() == Method::kHead;
  Asked asked{parser_.take(), std::move(share_)};
  const std::string* id = asked.request.headers.find("X-Request-Id");
  request_id_ = id != nullptr && is_harmless_id(*id)
                    ? *id
                    : fmt::format("{}-{}", context_.id_prefix, ++context_.ids);
  asked.request.id = request_id_;
  asked.request.remote_address = address_;
  return asked;
}

void Connection::respond(Response response, std::shared_ptr<StreamPipe> pipe, int64_t now_ms) {
  CHECK(phase_ == Phase::kHandling, "an answer that nobody asked for");
  phase_ = Phase::kResponding;
  deadline_ms_ = kNever;
  const bool streamed = pipe != nullptr || (head_only_ && response.stream);
  Framing framing = Framing::kLength;
  if (streamed) framing = http_1_0_ ? Framing::kUntilClose : Framing::kChunks;
  keep_alive_ = keep_alive_ && !context_.draining;
  if (!request_id_.empty()) response.headers.set("X-Request-Id", request_id_);
  std::string head = head_text(response, framing, keep_alive_);
  const bool body = !head_only_ && !has_no_body(response.status) && !streamed;
  if (body && response.body.size() <= kJoinedBytes) {
    push(head + response.body, now_ms);
  } else {
    push(std::move(head), now_ms);
    if (body) push(std::move(response.body), now_ms);
  }
  pipe_ = std::move(pipe);
  chunked_ = framing == Framing::kChunks;
  advance(now_ms);
}

// Takes from the pipe; false when it has nothing yet.
bool Connection::pull(int64_t now_ms) {
  StreamPipe::Taken taken = pipe_->take();
  if (!taken.bytes.empty()) {
    push(chunked_ ? fmt::format("{:x}\r\n{}\r\n", taken.bytes.size(), taken.bytes)
                  : std::move(taken.bytes),
         now_ms);
  }
  if (taken.finished) {
    // A body that broke off must not look whole: without the last chunk the client sees that.
    if (chunked_ && taken.whole) push("0\r\n\r\n", now_ms);
    keep_alive_ = keep_alive_ && chunked_ && taken.whole;
    pipe_ = nullptr;
    return true;
  }
  if (output_.empty()) deadline_ms_ = kNever;  // it is the handler that is slow
  return !output_.empty();
}

void Connection::end_response(int64_t now_ms) {
  if (!keep_alive_ || context_.draining) return linger(now_ms);
  phase_ = Phase::kReading;
  progress_bytes_ = 0;
  continued_ = false;
  deadline_ms_ = now_ms + context_.limits.idle_timeout_ms;
}

void Connection::refuse(int status, std::string_view text, int64_t now_ms) {
  ++context_.refused;
  share_.resize(0);
  input_.clear();
  request_id_.clear();
  keep_alive_ = false;
  head_only_ = false;
  phase_ = Phase::kHandling;
  respond(refusal(status, text), nullptr, now_ms);
}

// Closing at once, with bytes unread, would reset the connection, and the client might lose the
// answer: what it still sends is thrown away until it closes too.
void Connection::linger(int64_t now_ms) {
  transport_->finish();
  phase_ = Phase::kLingering;
  deadline_ms_ = now_ms + context_.limits.linger_ms;
}

void Connection::expire(int64_t now_ms) {
  const ParserState state = parser_.state();
  if (phase_ != Phase::kReading || state == ParserState::kIdle) {
    if (phase_ == Phase::kResponding) ++context_.timeouts;
    return close();
  }
  ++context_.timeouts;
  refuse(408, "The request did not come in time", now_ms);
}

void Connection::drain(int64_t now_ms) {
  if (pipe_) pipe_->stop();
  if (phase_ == Phase::kReading) advance(now_ms);
  if (phase_ == Phase::kReading && parser_.state() == ParserState::kIdle) linger(now_ms);
}

}  // namespace attune::http
