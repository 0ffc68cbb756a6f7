#include "server/http/parser.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/check.h"
#include "server/http/target.h"

namespace attune::http {
namespace {

constexpr size_t kChunkLineBytes = 4096;  // its size and what extensions it has

bool is_token(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

// What a header value or a chunk's extension may hold: visible characters, blanks, bytes over 127.
bool is_field_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  });
}

std::optional<Method> method_of(std::string_view name) {
  for (Method method : {Method::kGet, Method::kHead, Method::kPost, Method::kPut, Method::kPatch,
                        Method::kDelete, Method::kOptions}) {
    if (to_string(method) == name) return method;
  }
  return std::nullopt;
}

std::string_view without_blanks(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

size_t count(const Headers& headers, std::string_view name) {
  return static_cast<size_t>(
      std::count_if(headers.all().begin(), headers.all().end(),
                    [name](const auto& field) { return same_name(field.first, name); }));
}

// Whether a comma-separated header, in any of its lines, names `word`.
bool names(const Headers& headers, std::string_view name, std::string_view word) {
  for (const auto& [key, value] : headers.all()) {
    if (!same_name(key, name)) continue;
    for (std::string_view rest = value;;) {
      const size_t comma = std::min(rest.find(','), rest.size());
      if (same_name(without_blanks(rest.substr(0, comma)), word)) return true;
      if (comma == rest.size()) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return false;
}

}  // namespace

ParserState RequestParser::state() const {
  if (failed_) return ParserState::kFailed;
  switch (step_) {
    case Step::kRequestLine:
      return line_.empty() ? ParserState::kIdle : ParserState::kHead;
    case Step::kHeader:
      return ParserState::kHead;
    case Step::kDone:
      return ParserState::kDone;
    default:
      return ParserState::kBody;
  }
}

Request RequestParser::take() {
  CHECK(state() == ParserState::kDone, "take() of a request that is not whole");
  Request request = std::move(request_);
  *this = RequestParser(limits_);
  return request;
}

void RequestParser::fail(int status, std::string text) {
  if (failed_) return;
  failed_ = true;
  fault_ = {status, std::move(text)};
  request_.body = std::string();
}

size_t RequestParser::feed(std::string_view bytes) {
  size_t taken = 0;
  while (!failed_ && step_ != Step::kDone && taken < bytes.size()) {
    const bool body = step_ == Step::kBody || step_ == Step::kChunk;
    const std::string_view rest = bytes.substr(taken);
    taken += body ? take_body(rest) : take_line(rest);
  }
  return taken;
}

size_t RequestParser::line_limit() const {
  if (step_ == Step::kChunkEnd) return 2;
  if (step_ == Step::kChunkSize) return kChunkLineBytes;
  return limits_.header_bytes - head_bytes_;
}

// Lines are cut at LF; that CR stands before it, and nowhere else, is checked once a line is whole.
size_t RequestParser::take_line(std::string_view bytes) {
  const size_t end = bytes.find('\n');
  const bool whole = end != std::string_view::npos;
  const size_t size = whole ? end + 1 : bytes.size();
  if (line_.size() + size > line_limit()) {
    if (step_ == Step::kChunkEnd) {
      fail(400, "a chunk is longer than its size says");
    } else if (step_ == Step::kChunkSize) {
      fail(400, "a chunk's size is too long");
    } else if (step_ == Step::kRequestLine) {
      fail(414, "the address is too long");
    } else {
      fail(431, "the header is too large");
    }
    return size;
  }
  line_.append(bytes.substr(0, size));
  if (!whole) return size;
  if (line_.size() < 2 || line_[line_.size() - 2] != '\r') {
    fail(400, "a line does not end with CR LF");
    return size;
  }
  const std::string line = std::move(line_);
  line_.clear();
  if (step_ != Step::kChunkEnd && step_ != Step::kChunkSize) head_bytes_ += line.size();
  const std::string_view text = std::string_view(line).substr(0, line.size() - 2);
  if (!is_field_text(text)) {
    fail(400, "the header holds a control character");
  } else {
    on_line(text);
  }
  return size;
}

size_t RequestParser::take_body(std::string_view bytes) {
  const size_t size = static_cast<size_t>(std::min<uint64_t>(remaining_, bytes.size()));
  request_.body.append(bytes.substr(0, size));
  remaining_ -= size;
  if (remaining_ == 0) step_ = step_ == Step::kBody ? Step::kDone : Step::kChunkEnd;
  return size;
}

void RequestParser::on_line(std::string_view line) {
  switch (step_) {
    case Step::kRequestLine:
      // One empty line is skipped: some clients end a body with one that they do not count.
      if (line.empty() && !blank_before_) {
        blank_before_ = true;
        head_bytes_ = 0;
      } else {
        on_request_line(line);
      }
      return;
    case Step::kHeader:
      if (line.empty()) return end_head();
      return on_header(line);
    case Step::kChunkSize:
      return on_chunk_size(line);
    case Step::kChunkEnd:
      if (!line.empty()) return fail(400, "a chunk is longer than its size says");
      step_ = Step::kChunkSize;
      return;
    case Step::kTrailer:
      if (line.empty()) {
        step_ = Step::kDone;
      } else {  // read strictly, and dropped: nothing may be said behind the body
        std::string_view name, value;
        (void)split_field(line, name, value);
      }
      return;
    default:
      CHECK(false, "a line within a body");
  }
}

void RequestParser::on_request_line(std::string_view line) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last ||
      std::count(line.begin(), line.end(), ' ') != 2) {
    return fail(400, "the first line is no method, address and version");
  }
  const std::string_view method = line.substr(0, first);
  const std::string_view version = line.substr(last + 1);
  if (!is_token(method)) return fail(400, "the method is no word");
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return version.starts_with("HTTP/") ? fail(505, "the version is not HTTP/1.1")
                                        : fail(400, "the first line does not end with a version");
  }
  http_1_0_ = version == "HTTP/1.0";
  auto target = parse_target(line.substr(first + 1, last - first - 1));
  if (!target.ok()) return fail(400, target.error().message());
  const auto known = method_of(method);
  if (!known) return fail(501, "there is no such method");
  request_.method = *known;
  request_.path = std::move(target->path);
  request_.query = std::move(target->query);
  step_ = Step::kHeader;
}

bool RequestParser::split_field(std::string_view line, std::string_view& name,
                                std::string_view& value) {
  if (++fields_ > limits_.header_fields) return fail(431, "the header has too many lines"), false;
  if (line[0] == ' ' || line[0] == '\t') return fail(400, "a header line is folded"), false;
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return fail(400, "a header line has no colon"), false;
  name = line.substr(0, colon);
  value = without_blanks(line.substr(colon + 1));
  if (!is_token(name)) return fail(400, "a header's name is no word"), false;
  return true;
}

void RequestParser::on_header(std::string_view line) {
  std::string_view name, value;
  if (split_field(line, name, value)) request_.headers.add(std::string(name), std::string(value));
}

void RequestParser::end_head() {
  const Headers& headers = request_.headers;
  const size_t hosts = count(headers, "Host");
  if (hosts > 1 || (hosts == 0 && !http_1_0_)) return fail(400, "there must be one Host header");
  if (hosts == 1 && headers.find("Host")->find_first_of(" \t,/@\\") != std::string::npos) {
    return fail(400, "the Host header is no host");
  }
  keep_alive_ = !http_1_0_ && !names(headers, "Connection", "close");
  read_expect();
  if (failed_) return;
  body_limit_ = limits_.body_of ? limits_.body_of(request_) : BodyLimit{};
  if (!limits_.body_of || body_limit_.bytes > limits_.body_bytes) {
    body_limit_ = {.bytes = limits_.body_bytes};
  }
  read_length();
}

void RequestParser::read_expect() {
  const std::string* expect = request_.headers.find("Expect");
  if (expect == nullptr || http_1_0_) return;
  if (!same_name(*expect, "100-continue")) return fail(417, "the expectation is not 100-continue");
  expects_continue_ = true;
}

void RequestParser::read_length() {
  const Headers& headers = request_.headers;
  const size_t lengths = count(headers, "Content-Length");
  const size_t codings = count(headers, "Transfer-Encoding");
  if (lengths + codings == 0) {
    step_ = Step::kDone;
  } else if (lengths + codings > 1) {
    fail(400, "the length of the body is given more than once");
  } else if (lengths == 1) {
    begin_fixed_body(*headers.find("Content-Length"));
  } else if (http_1_0_) {
    fail(400, "HTTP/1.0 knows no Transfer-Encoding");
  } else if (!same_name(*headers.find("Transfer-Encoding"), "chunked")) {
    fail(501, "the body's coding is not chunked");
  } else {
    step_ = Step::kChunkSize;
    head_bytes_ = 0;  // trailers have their own limit
  }
}

void RequestParser::begin_fixed_body(std::string_view length) {
  uint64_t bytes = 0;
  const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), bytes);
  const bool digits = std::all_of(length.begin(), length.end(),
                                  [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || length.empty()) return fail(400, "the Content-Length is no number");
  if (error != std::errc() || bytes > body_limit_.bytes) {
    return fail(body_limit_.status, body_limit_.text);
  }
  (void)end;
  remaining_ = bytes;
  step_ = bytes == 0 ? Step::kDone : Step::kBody;
}

void RequestParser::on_chunk_size(std::string_view line) {
  const std::string_view digits = line.substr(0, line.find(';'));
  uint64_t bytes = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), bytes, 16);
  if (digits.empty() || digits.size() > 16 || digits[0] == '-' || error != std::errc() ||
      end != digits.data() + digits.size()) {
    return fail(400, "a chunk's size is no hexadecimal number");
  }
  if (bytes > body_limit_.bytes - request_.body.size()) {
    return fail(body_limit_.status, body_limit_.text);
  }
  head_bytes_ += line.size() - digits.size();
  if (head_bytes_ > limits_.header_bytes) return fail(431, "the chunks' extensions are too large");
  remaining_ = bytes;
  step_ = bytes == 0 ? Step::kTrailer : Step::kChunk;
}

}  // namespace attune::http
