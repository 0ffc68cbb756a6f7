#include "protocol/channel.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/file.h"

namespace attune::protocol {
namespace {

TEST(Handshake, AcceptsItsOwnAndNamesBothVersions) {
  EXPECT_TRUE(check_handshake(to_line(handshake("attune"))).ok());
  const Status newer = check_handshake(R"({"protocol":"attune-channel","version":2})");
  ASSERT_FALSE(newer.ok());
  EXPECT_NE(newer.error().message().find("version 2, this program version 1"), std::string::npos);
  for (const char* line : {"", "GET / HTTP/1.1", "[]", "{}", R"({"protocol":"x","version":1})"}) {
    EXPECT_FALSE(check_handshake(line).ok()) << line;
  }
}

TEST(Request, ReadsEveryKindAndKeepsItsParameters) {
  std::string id;
  auto request = parse_request(
      R"({"id":"7","kind":"generate","prompt":"Hi","adapter":"a","max_new_tokens":3})", &id);
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->id, "7");
  EXPECT_EQ(request->kind, RequestKind::kGenerate);
  EXPECT_EQ(request->adapter, "a");
  EXPECT_EQ(to_line(request->params), R"({"prompt":"Hi","max_new_tokens":3})");
  auto cancel = parse_request(R"({"id":9,"kind":"cancel","request":7})", &id);
  ASSERT_TRUE(cancel.ok());
  EXPECT_EQ(cancel->id, "9");
  EXPECT_EQ(cancel->params["request"], "7");
}

TEST(Request, RefusesHostileLinesWithTheIdWhereThereIsOne) {
  struct Case {
    const char* line;
    const char* id;
    const char* part;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"", "", "byte"},
           {"\xff\xfe", "", ""},
           {"[1]", "", "JSON object"},
           {"{}", "", "\"id\""},
           {R"({"id":null,"kind":"generate"})", "", "\"id\""},
           {R"({"id":"","kind":"generate"})", "", "\"id\""},
           {R"({"id":{"a":1},"kind":"generate"})", "", "\"id\""},
           {R"({"id":"1"})", "1", "\"kind\""},
           {R"({"id":"1","kind":7})", "1", "\"kind\""},
           {R"({"id":"1","kind":"genrate"})", "1", "did you mean generate"},
           {R"({"id":"1","kind":"generate","adapter":1})", "1", "\"adapter\""},
           {R"({"id":"1","kind":"cancel"})", "1", "\"request\""}}) {
    std::string id = "left over";
    const auto request = parse_request(c.line, &id);
    ASSERT_FALSE(request.ok()) << c.line;
    EXPECT_EQ(id, c.id) << c.line;
    EXPECT_NE(request.error().message().find(c.part), std::string::npos)
        << c.line << " -> " << request.error().message();
  }
  std::string id;
  EXPECT_FALSE(parse_request(std::string(5000, '['), &id).ok());
}

TEST(Events, AreOneLineEach) {
  EXPECT_EQ(to_line(token_event("7", 1, "a\nb")),
            R"({"id":"7","event":"token","index":1,"text":"a\nb"})");
  EXPECT_EQ(to_line(done_event("7", "scores", OrderedJson::array())),
            R"({"id":"7","event":"done","scores":[]})");
  EXPECT_EQ(to_line(error_event("", invalid_input("bad"))),
            R"({"id":"","event":"error","code":"invalid_input","message":"bad"})");
}

// A listener that answers a client's handshake with `first` and then echoes one line.
class EchoServer {
 public:
  explicit EchoServer(std::string first) : path_(directory_.file("socket")) {
    auto listener = LineListener::listen(path_);
    EXPECT_TRUE(listener.ok());
    thread_ = std::thread([first, listening = std::move(*listener)] {
      auto socket = listening->accept(10000);
      if (!socket.ok()) return;
      EXPECT_TRUE(check_handshake((*socket)->receive(10000).text).ok());
      if (!(*socket)->send_line(first).ok()) return;
      const ReceivedLine line = (*socket)->receive(10000);
      if (line.event != LineEvent::kLine) return;
      EXPECT_TRUE((*socket)->send_line(line.text).ok());
    });
  }
  ~EchoServer() { thread_.join(); }
  const std::string& path() const { return path_; }

 private:
  TemporaryDirectory directory_;
  std::string path_;
  std::thread thread_;
};

TEST(ChannelClient, ShakesHandsSendsAndReceives) {
  EchoServer server(to_line(handshake("attune-engine")));
  auto client = ChannelClient::connect(server.path(), 10000);
  ASSERT_TRUE(client.ok()) << client.error().message();
  EXPECT_EQ((*client)->greeting()["program"], "attune-engine");
  ASSERT_TRUE((*client)->cancel("7").ok());
  auto line = (*client)->receive(10000);
  ASSERT_TRUE(line.ok());
  ASSERT_TRUE(line->has_value());
  EXPECT_EQ((**line)["request"], "7");
  EXPECT_FALSE((*client)->receive(10000).ok());  // the server has gone
}

TEST(ChannelClient, ReportsWhyTheEngineCannotServe) {
  EchoServer server(to_line(error_event("", not_found("model.gguf: no such file"))));
  const auto client = ChannelClient::connect(server.path(), 10000);
  ASSERT_FALSE(client.ok());
  EXPECT_EQ(client.error().message(), "model.gguf: no such file");
}

TEST(ChannelClient, RefusesAnotherVersion) {
  EchoServer server(R"({"protocol":"attune-channel","version":99})");
  const auto client = ChannelClient::connect(server.path(), 10000);
  ASSERT_FALSE(client.ok());
  EXPECT_NE(client.error().message().find("99"), std::string::npos);
}

}  // namespace
}  // namespace attune::protocol
