// Reads HTTP/1.1 requests from bytes as they come, however they are cut. Strict, because a request
// that a proxy before us and we read differently lets one client speak in another's name: what
// RFC 9112 leaves to the recipient's mercy is refused.
//
//   RequestParser parser(limits);
//   bytes.remove_prefix(parser.feed(bytes));   // takes no byte behind the end of the request
//   if (parser.state() == ParserState::kDone) Request request = parser.take();
//
// Refused: a body with both lengths or two of them, lengths that are no digits, codings other than
// chunked, lines that end in LF alone or hold CR, NUL or other controls, blanks before a colon,
// folded lines, chunk sizes that are not 1 to 16 hexadecimal digits, targets that are no path (see
// target.h), HTTP/1.1 without exactly one Host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "server/http/message.h"

namespace attune::http {

struct ParserLimits {
  size_t header_bytes = 64 << 10;  // request line and header; trailers have the same again
  size_t header_fields = 100;
  size_t body_bytes = 256 << 20;
  // Where set: less than body_bytes for the request whose head (without a body) this is.
  std::function<BodyLimit(const Request&)> body_of = nullptr;
};

enum class ParserState {
  kIdle,    // nothing of a request has come
  kHead,    // within the request line or the header
  kBody,    // the head is whole, its body is not
  kDone,    // take() it
  kFailed,  // see fault(); nothing more is read from this connection
};

// Why a request is refused, and with which status.
struct ParserFault {
  int status = 400;
  std::string text;
};

class RequestParser {
 public:
  explicit RequestParser(const ParserLimits& limits) : limits_(limits) {}

  // Takes bytes up to the end of one request; how many it took.
  size_t feed(std::string_view bytes);
  ParserState state() const;
  const ParserFault& fault() const { return fault_; }

  // From the end of the head on:
  bool keep_alive() const { return keep_alive_; }  // the client will send another request
  bool http_1_0() const { return http_1_0_; }      // it does not know chunks
  bool expects_continue() const { return expects_continue_; }
  Method method() const { return request_.method; }

  size_t body_bytes() const { return request_.body.size(); }  // that have come
  // The request, after which the parser waits for the next one. The remote address, id and path
  // values are the caller's to fill in.
  Request take();

 private:
  enum class Step { kRequestLine, kHeader, kBody, kChunkSize, kChunk, kChunkEnd, kTrailer, kDone };

  size_t take_line(std::string_view bytes);
  size_t take_body(std::string_view bytes);
  void on_line(std::string_view line);
  void on_request_line(std::string_view line);
  void on_header(std::string_view line);
  void on_chunk_size(std::string_view line);
  bool split_field(std::string_view line, std::string_view& name, std::string_view& value);
  void end_head();
  void read_expect();
  void read_length();
  void begin_fixed_body(std::string_view length);
  void fail(int status, std::string text);
  size_t line_limit() const;

  ParserLimits limits_;
  Step step_ = Step::kRequestLine;
  bool failed_ = false;
  ParserFault fault_;
  Request request_;
  std::string line_;           // the part of a line that has come
  size_t head_bytes_ = 0;      // of lines that are whole
  size_t fields_ = 0;
  BodyLimit body_limit_;       // of this request, from the end of the head on
  uint64_t remaining_ = 0;     // of the body or chunk
  bool blank_before_ = false;  // one empty line before the request was skipped
  bool keep_alive_ = true, http_1_0_ = false, expects_continue_ = false;
};

}  // namespace attune::http
