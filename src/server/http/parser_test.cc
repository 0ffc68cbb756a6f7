// What the parser takes and what it refuses. That the cut of the bytes does not matter is in
// parser_property_test.cc.
#include "server/http/parser.h"

#include <gtest/gtest.h>

namespace attune::http {
namespace {

RequestParser fed(std::string_view bytes, ParserLimits limits = {}) {
  RequestParser parser(limits);
  parser.feed(bytes);
  return parser;
}

Request read(std::string_view bytes) {
  RequestParser parser = fed(bytes);
  EXPECT_EQ(parser.state(), ParserState::kDone) << parser.fault().text;
  return parser.state() == ParserState::kDone ? parser.take() : Request{};
}

int refused(std::string_view bytes, ParserLimits limits = {}) {
  const RequestParser parser = fed(bytes, limits);
  EXPECT_EQ(parser.state() == ParserState::kFailed, !parser.fault().text.empty());
  return parser.state() == ParserState::kFailed ? parser.fault().status : 0;
}

std::string head(std::string_view lines) {
  return "POST /a HTTP/1.1\r\nHost: h\r\n" + std::string(lines) + "\r\n";
}

std::string chunks(std::string_view body) {
  return head("Transfer-Encoding: chunked\r\n") + std::string(body);
}

TEST(Parser, ReadsARequest) {
  const Request request = read(
      "PATCH /a/b%20c?x=1 HTTP/1.1\r\nHost: localhost:6900\r\nX-Empty:\r\n"
      "X-Blanks: \t a  b \t\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(request.method, Method::kPatch);
  EXPECT_EQ(request.path, "/a/b c");
  EXPECT_EQ(*request.query.find("x"), "1");
  EXPECT_EQ(*request.headers.find("x-empty"), "");
  EXPECT_EQ(*request.headers.find("x-blanks"), "a  b");
  EXPECT_EQ(request.body, "hello");
}

TEST(Parser, TakesNoByteBehindTheRequest) {
  const std::string one = head("Content-Length: 2\r\n") + "ab";
  const std::string two = "GET /b HTTP/1.1\r\nHost: h\r\n\r\n";
  RequestParser parser{ParserLimits{}};
  EXPECT_EQ(parser.feed(one + two), one.size());
  EXPECT_EQ(parser.feed(two), 0U);
  EXPECT_EQ(parser.take().body, "ab");
  EXPECT_EQ(parser.state(), ParserState::kIdle);
  EXPECT_EQ(parser.feed(two), two.size());
  EXPECT_EQ(parser.take().path, "/b");
}

TEST(Parser, ReadsChunks) {
  EXPECT_EQ(read(chunks("5\r\nhello\r\n00A\r\n, chunked!\r\n0\r\n\r\n")).body, "hello, chunked!");
  EXPECT_EQ(read(chunks("0\r\n\r\n")).body, "");
  EXPECT_EQ(read(chunks("2;name=value;other=\"a b\"\r\n\r\n\r\n0;last\r\n\r\n")).body, "\r\n");
  const Request trailed = read(chunks("1\r\na\r\n0\r\nX-Sum: 1\r\nHost: evil\r\n\r\n"));
  EXPECT_EQ(trailed.headers.find("X-Sum"), nullptr);
  EXPECT_EQ(*trailed.headers.find("Host"), "h");
}

TEST(Parser, KnowsWhetherTheConnectionGoesOn) {
  EXPECT_TRUE(fed(head("")).keep_alive());
  EXPECT_FALSE(fed(head("Connection: close\r\n")).keep_alive());
  EXPECT_FALSE(fed(head("Connection: x , CLOSE\r\n")).keep_alive());
  EXPECT_TRUE(fed(head("Connection: closed\r\n")).keep_alive());
  EXPECT_FALSE(fed("GET / HTTP/1.0\r\n\r\n").keep_alive());
  EXPECT_TRUE(fed("GET / HTTP/1.0\r\n\r\n").http_1_0());
}

TEST(Parser, KnowsWhenTheClientWaits) {
  const RequestParser waits = fed(head("Expect: 100-Continue\r\nContent-Length: 5\r\n"));
  EXPECT_TRUE(waits.expects_continue());
  EXPECT_EQ(waits.state(), ParserState::kBody);
  EXPECT_FALSE(fed(head("Content-Length: 5\r\n")).expects_continue());
  EXPECT_EQ(refused(head("Expect: miracles\r\n")), 417);
}

TEST(Parser, OneEmptyLineBeforeARequestIsSkipped) {
  EXPECT_EQ(read("\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n").path, "/x");
  EXPECT_EQ(refused("\r\n\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
}

TEST(Parser, TheFirstLineIsStrict) {
  const struct {
    const char* line;
    int status;
  } cases[] = {{"GET / HTTP/1.1 ", 400},    {"GET  / HTTP/1.1", 400},  {" GET / HTTP/1.1", 400},
               {"GET /", 400},              {"GET", 400},              {"G(T / HTTP/1.1", 400},
               {"GET / HTTP/2.0", 505},     {"GET / HTTP/1.1x", 505},  {"GET / http/1.1", 400},
               {"GET\t/ HTTP/1.1", 400},    {"BREW / HTTP/1.1", 501},  {"get / HTTP/1.1", 501},
               {"CONNECT h:1 HTTP/1.1", 400}, {"GET http://h/ HTTP/1.1", 400},
               {"OPTIONS * HTTP/1.1", 400}, {"GET /%zz HTTP/1.1", 400}, {"GET /.. HTTP/1.1", 400}};
  for (const auto& one : cases) {
    EXPECT_EQ(refused(std::string(one.line) + "\r\nHost: h\r\n\r\n"), one.status) << one.line;
  }
}

TEST(Parser, HeaderLinesAreStrict) {
  for (const char* line :
       {"Name : v\r\n", "Name\t: v\r\n", ": v\r\n", "no colon\r\n", " folded: v\r\n",
        "A: b\r\n c\r\n", "A: b\r\n\tc\r\n", "N\xc3\xa4me: v\r\n", "A: b\rc\r\n", "A: b\n",
        "A: b\n\r\n", "A: b\x01\r\n", "A: b\x7f\r\n", "A: b\r\r\n"}) {
    EXPECT_EQ(refused(head(line)), 400) << line;
  }
  EXPECT_EQ(refused(head(std::string_view("A: b\0c\r\n", 8))), 400);
  EXPECT_EQ(refused("GET / HTTP/1.1\nHost: h\n\n"), 400);
  EXPECT_EQ(*read(head("A: \xc3\xa4\t!\r\n")).headers.find("A"), "\xc3\xa4\t!");
}

TEST(Parser, ThereIsOneHost) {
  EXPECT_EQ(refused("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/1.0\r\n\r\n"), 0);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"), 0);
}

TEST(Parser, ALengthThatCouldBeReadInTwoWaysIsRefused) {
  const struct {
    const char* lines;
    int status;
  } cases[] = {
      {"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", 400},
      {"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", 400},
      {"Content-Length: 3\r\nContent-Length: 4\r\n", 400},
      {"Content-Length: 3\r\nContent-Length: 3\r\n", 400},
      {"Content-Length: 3, 3\r\n", 400},
      {"Content-Length: 3,4\r\n", 400},
      {"Content-Length: +3\r\n", 400},
      {"Content-Length: -3\r\n", 400},
      {"Content-Length: 0x3\r\n", 400},
      {"Content-Length: 3 \v\r\n", 400},
      {"Content-Length: 3a\r\n", 400},
      {"Content-Length:\r\n", 400},
      {"Content-Length: 99999999999999999999999\r\n", 413},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", 400},
      {"Transfer-Encoding: gzip, chunked\r\n", 501},
      {"Transfer-Encoding: chunked, identity\r\n", 501},
      {"Transfer-Encoding: identity\r\n", 501},
      {"Transfer-Encoding: xchunked\r\n", 501},
      {"Transfer-Encoding: \"chunked\"\r\n", 501},
      {"Transfer-Encoding:\r\n", 501},
      {"Transfer-Encoding : chunked\r\n", 400},
  };
  for (const auto& one : cases) EXPECT_EQ(refused(head(one.lines)), one.status) << one.lines;
  EXPECT_EQ(refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  EXPECT_EQ(read(head("content-length: 0003\r\n") + "abc").body, "abc");
  EXPECT_EQ(read(head("transfer-encoding: CHUNKED\r\n") + "1\r\na\r\n0\r\n\r\n").body, "a");
}

TEST(Parser, ChunksAreStrict) {
  for (const char* body : {"\r\n",
                           "x\r\n",
                           "-1\r\n",
                           "+1\r\n",
                           "0x1\r\n",
                           "1 \r\n",
                           " 1\r\n",
                           "1 ;a\r\n",
                           ";a\r\n",
                           "00000000000000001\r\n",
                           "1\na\r\n",
                           "1\r\nab\r\n",
                           "1\r\na\n0\r\n\r\n",
                           "1\r\na\r0\r\n",
                           "1\r\naX\r\n",
                           "1;a\rb\r\na\r\n",
                           "1;a\nb\r\na\r\n",
                           "0\r\nbad\r\n\r\n",
                           "0\r\n a: b\r\n\r\n",
                           "0\r\nA : b\r\n\r\n",
                           "0\r\nA: b\n\r\n"}) {
    EXPECT_EQ(refused(chunks(body)), 400) << body;
  }
  EXPECT_EQ(refused(chunks("ffffffffffffffff\r\n")), 413);
}

TEST(Parser, SizesAreLimited) {
  const ParserLimits limits{.header_bytes = 100, .header_fields = 3, .body_bytes = 10};
  EXPECT_EQ(refused("GET /" + std::string(200, 'a'), limits), 414);
  EXPECT_EQ(refused(head("A: " + std::string(100, 'b')), limits), 431);
  EXPECT_EQ(refused(head("A: 1\r\nB: 2\r\n"), limits), 0);
  EXPECT_EQ(refused(head("A: 1\r\nB: 2\r\nC: 3\r\n"), limits), 431);
  EXPECT_EQ(refused(head("Content-Length: 10\r\n") + "0123456789", limits), 0);
  EXPECT_EQ(refused(head("Content-Length: 11\r\n"), limits), 413);
  EXPECT_EQ(refused(chunks("5\r\n01234\r\n5\r\n01234\r\n0\r\n\r\n"), limits), 0);
  EXPECT_EQ(refused(chunks("5\r\n01234\r\n6\r\n"), limits), 413);
  EXPECT_EQ(
      refused(chunks("1;" + std::string(60, 'x') + "\r\na\r\n1;" + std::string(60, 'x') + "\r\n"),
              limits),
      431);
  EXPECT_EQ(refused(chunks("0\r\nA: " + std::string(100, 'b')), limits), 431);
}

TEST(Parser, TheHeadDecidesHowMuchMayFollow) {
  ParserLimits limits;
  limits.body_bytes = 10;
  limits.body_of = [](const Request& request) -> BodyLimit {
    EXPECT_EQ(request.path, "/a");
    const std::string* bytes = request.headers.find("X-Bytes");
    return {.bytes = bytes ? std::stoul(*bytes) : 3, .status = 401, .text = "who are you"};
  };
  EXPECT_EQ(refused(head("Content-Length: 3\r\n") + "abc", limits), 0);
  EXPECT_EQ(refused(head("Content-Length: 4\r\n"), limits), 401);
  EXPECT_EQ(fed(head("Content-Length: 4\r\n"), limits).fault().text, "who are you");
  EXPECT_EQ(refused(chunks("2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"), limits), 0);
  EXPECT_EQ(refused(chunks("2\r\nab\r\n2\r\n"), limits), 401);
  EXPECT_EQ(refused(head("X-Bytes: 10\r\nContent-Length: 10\r\n"), limits), 0);
  EXPECT_EQ(refused(head("X-Bytes: 99\r\nContent-Length: 11\r\n"), limits), 413)
      << "never more than all may have";
  RequestParser parser(limits);  // of one connection: each request anew
  const std::string large = head("X-Bytes: 5\r\nContent-Length: 5\r\n") + "abcde";
  EXPECT_EQ(parser.feed(large), large.size());
  EXPECT_EQ(parser.take().body, "abcde");
  parser.feed(head("Content-Length: 5\r\n"));
  EXPECT_EQ(parser.state(), ParserState::kFailed);
}

TEST(Parser, SaysHowFarItIs) {
  RequestParser parser{ParserLimits{}};
  EXPECT_EQ(parser.state(), ParserState::kIdle);
  parser.feed("G");
  EXPECT_EQ(parser.state(), ParserState::kHead);
  parser.feed("ET / HTTP/1.1\r\nHost: h\r\n");
  EXPECT_EQ(parser.state(), ParserState::kHead);
  parser.feed("Content-Length: 2\r\n\r\n");
  EXPECT_EQ(parser.state(), ParserState::kBody);
  parser.feed("a");
  EXPECT_EQ(parser.body_bytes(), 1U);
  parser.feed("b");
  EXPECT_EQ(parser.state(), ParserState::kDone);
}

}  // namespace
}  // namespace attune::http
