// However the bytes of a request are cut, it is the same request.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "server/http/parser.h"

namespace attune::http {
namespace {

// What came of reading: the requests in order, and the refusal at the end, as text.
std::string outcome(std::string_view bytes, const std::vector<size_t>& pieces) {
  const ParserLimits limits{.header_bytes = 300, .header_fields = 8, .body_bytes = 64};
  RequestParser parser(limits);
  std::string text;
  size_t piece = 0;
  while (!bytes.empty()) {
    const size_t wanted = pieces.empty() ? bytes.size() : 1 + pieces[piece++ % pieces.size()];
    std::string_view part = bytes.substr(0, wanted);
    bytes.remove_prefix(part.size());
    while (!part.empty() && parser.state() != ParserState::kFailed) {
      part.remove_prefix(parser.feed(part));
      if (parser.state() != ParserState::kDone) continue;
      text += parser.keep_alive() ? "+" : "-";
      const Request request = parser.take();
      text += std::string(to_string(request.method)) + " " + request.path;
      for (const auto& [name, value] : request.query.items()) text += "&" + name + "=" + value;
      for (const auto& [name, value] : request.headers.all()) text += "|" + name + ":" + value;
      text += "|" + request.body + "\n";
    }
    if (parser.state() == ParserState::kFailed) {
      return text + std::to_string(parser.fault().status) + " " + parser.fault().text;
    }
  }
  return text + std::to_string(static_cast<int>(parser.state()));
}

// Bytes that are near to requests: whole ones, and pieces of them in any order.
rc::Gen<std::string> any_request_bytes() {
  const auto piece = rc::gen::element<std::string>(
      "GET /a?b=c HTTP/1.1\r\nHost: h\r\n\r\n",
      "POST /x%20y HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
      "PUT /z HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na\r\n\r\n0\r\nT: "
      "u\r\n\r\n",
      "DELETE /d HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "\r\n", "\n", "\r", "\r\n\r\n",
      "GET / HTTP/1.1\r\n", "Host: h\r\n", "Content-Length: 70\r\n", "Content-Length: 2\r\n",
      "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n", "0\r\n\r\n", "A: b\r\n", " ", "x",
      std::string(1, '\0'), "Expect: 100-continue\r\n", std::string(320, 'y'));
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(piece),
                      [](const std::vector<std::string>& pieces) {
                        std::string bytes;
                        for (const std::string& one : pieces) bytes += one;
                        return bytes;
                      });
}

TEST(ParserProperty, TheCutOfTheBytesDoesNotMatter) {
  const bool held = rc::check("any split gives the same requests and refusals", [] {
    const std::string bytes = *any_request_bytes();
    const auto pieces = *rc::gen::container<std::vector<size_t>>(rc::gen::inRange<size_t>(0, 20));
    RC_CLASSIFY(outcome(bytes, {}).find('\n') != std::string::npos, "a whole request");
    RC_ASSERT(outcome(bytes, pieces) == outcome(bytes, {}));
    RC_ASSERT(outcome(bytes, {0}) == outcome(bytes, {}));
  });
  EXPECT_TRUE(held);
}

TEST(ParserProperty, BodiesComeBackWholeBothWays) {
  const bool held = rc::check("a body by length and in chunks is the body", [] {
    const auto body = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
    const size_t cut = *rc::gen::inRange<size_t>(1, 20);
    const std::string head = "POST /p HTTP/1.1\r\nHost: h\r\n";
    std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
    for (size_t at = 0; at < body.size(); at += cut) {
      const std::string part = body.substr(at, cut);
      char size[20];
      std::snprintf(size, sizeof size, "%zx", part.size());
      chunked += std::string(size) + "\r\n" + part + "\r\n";
    }
    chunked += "0\r\n\r\n";
    for (const std::string& bytes :
         {head + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body, chunked}) {
      RequestParser parser{ParserLimits{}};
      RC_ASSERT(parser.feed(bytes) == bytes.size());
      RC_ASSERT(parser.state() == ParserState::kDone);
      RC_ASSERT(parser.take().body == body);
    }
  });
  EXPECT_TRUE(held);
}

}  // namespace
}  // namespace attune::http
