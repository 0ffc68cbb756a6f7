#include "engine/serve/channel_server.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <map>
#include <thread>

#include "engine/generate/small_model.h"
#include "protocol/channel.h"

namespace attune::engine::serve {
namespace {

using protocol::LineEvent;
using protocol::LineSocket;

constexpr std::chrono::seconds kPatience{60};
// An answer that takes far longer than kPatience: whoever ends before its end was made to.
constexpr int64_t kEndlessTokens = 500'000;

// The small model with a context in which an endless answer has room.
std::unique_ptr<models::Decoder> endless_decoder() {
  models::DecoderConfig config = testing::small_decoder()->config();
  config.context = 2 * kEndlessTokens;
  return models::Decoder::random(config, 7, 0.3, {});
}

// A server on one end of a socket pair; the test is the client on the other, line by line.
class ServerTest : public ::testing::Test {
 protected:
  ServerTest()
      : model_{"small",
               testing::small_decoder(),
               data::ExampleTokenizer::make(testing::byte_tokenizer(), testing::kSmallTemplate)
                   .value(),
               {testing::kEndId},
               {}} {}

  void start(ServerOptions options = {}) {
    int fds[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    const int small = 4096;  // the kernel's buffer: soon full when the client does not read
    ASSERT_EQ(setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
    client_ = std::make_unique<LineSocket>(fds[0]);
    serve(fds[1], options);
  }
  void serve(int fd, ServerOptions options) {
    served_ = std::async(std::launch::async, [this, fd, options] {
      LineSocket socket(fd);
      return serve_channel(socket, model_, options);
    });
  }
  void start_and_shake_hands(ServerOptions options = {}) {
    start(options);
    send(protocol::handshake("test"));
    EXPECT_TRUE(protocol::check_handshake(client_->receive(60'000).text).ok());
  }
  void TearDown() override { close(); }
  void close() {
    client_.reset();
    await_end();
  }
  // The server ends by itself. One that does not cannot be waited for: the program ends with it.
  void await_end() {
    if (!served_.valid()) return;
    if (served_.wait_for(kPatience) != std::future_status::ready) {
      ADD_FAILURE() << "the server goes on " << kPatience.count() << " s after its client left";
      std::fflush(nullptr);
      std::_Exit(EXIT_FAILURE);
    }
    status_ = served_.get();
  }

  void send(const OrderedJson& line) { EXPECT_TRUE(client_->send_line(to_line(line)).ok()); }
  Json receive() {
    const protocol::ReceivedLine line = client_->receive(60'000);
    EXPECT_EQ(line.event, LineEvent::kLine);
    return line.event == LineEvent::kLine ? parse_json(line.text).value() : Json::object();
  }
  // The line that ends a request, past its tokens.
  Json last_of(const std::string& id) {
    for (;;) {
      Json line = receive();
      if (line.empty()) return line;
      if (line["id"] == id && line["event"] != "token") return line;
    }
  }
  OrderedJson generate(const std::string& id, int64_t tokens = 6) {
    return {{"id", id}, {"kind", "generate"}, {"prompt", "Hello"}, {"max_new_tokens", tokens}};
  }
  OrderedJson streamed(const std::string& id, int64_t tokens) {
    OrderedJson request = generate(id, tokens);
    request["min_new_tokens"] = tokens;
    request["stream"] = true;
    return request;
  }

  ServedModel model_;
  std::unique_ptr<LineSocket> client_;
  std::future<Status> served_;
  Status status_;
};

TEST_F(ServerTest, GeneratesAndStreamsTheSameText) {
  start_and_shake_hands();
  OrderedJson request = generate("a", 20);
  request["stream"] = true;
  request["num_return_sequences"] = 2;
  request["temperature"] = 1.0;
  send(request);
  std::map<int, std::string> streamed;
  Json line;
  for (line = receive(); line["event"] == "token"; line = receive()) {
    streamed[line["index"].get<int>()] += line["text"].get<std::string>();
  }
  EXPECT_EQ(line["id"], "a");
  ASSERT_EQ(line["event"], "done");
  ASSERT_EQ(line["completions"].size(), 2u);
  for (int i = 0; i < 2; ++i) {
    const Json& completion = line["completions"][static_cast<size_t>(i)];
    EXPECT_EQ(completion["text"], streamed[i]);
    EXPECT_LE(completion["tokens"], 20);
    EXPECT_LT(completion["sum_logprob"], 0);
    EXPECT_TRUE(completion["finish_reason"] == "length" || completion["finish_reason"] == "stop");
  }
  close();
  EXPECT_TRUE(status_.ok());
}

TEST_F(ServerTest, AnswersManyRequestsInAnyOrderWithTheirIds) {
  start_and_shake_hands({.queue_capacity = 2, .in_flight_max = 3});
  for (int i = 0; i < 20; ++i) send(generate(std::to_string(i), 1 + i % 5));
  std::map<std::string, Json> done;
  while (done.size() < 20) {
    Json line = receive();
    ASSERT_EQ(line["event"], "done") << line;
    EXPECT_TRUE(done.emplace(line["id"], line["completions"][0]["tokens"]).second);
  }
  for (int i = 0; i < 20; ++i) EXPECT_LE(done[std::to_string(i)].get<int>(), 1 + i % 5);
}

// Nothing is taken from the queue here, and nothing written: only the reader can see it.
TEST_F(ServerTest, SeesThatTheClientIsGoneWhileTheQueueIsFull) {
  start_and_shake_hands({.queue_capacity = 1, .in_flight_max = 0});
  for (int i = 0; i < 3; ++i) send(generate(std::to_string(i)));
  close();
  EXPECT_TRUE(status_.ok());
}

TEST_F(ServerTest, ScoresExamples) {
  start_and_shake_hands();
  send({{"id", "s"}, {"kind", "score"}, {"prompt", "2+2="}, {"chosen", "4"}, {"rejected", "55"}});
  send({{"id", "m"},
        {"kind", "score"},
        {"messages", {{{"role", "user"}, {"content", "a"}},
                      {{"role", "assistant"}, {"content", "bc"}}}}});
  const Json pair = last_of("s");
  ASSERT_EQ(pair["event"], "done") << pair;
  EXPECT_EQ(pair["scores"][0]["index"], 0);
  EXPECT_EQ(pair["scores"][0]["tokens"], 1);
  EXPECT_EQ(pair["scores"][1]["tokens"], 2);
  EXPECT_NEAR(pair["scores"][1]["mean_logprob"].get<double>() * 2,
              pair["scores"][1]["sum_logprob"].get<double>(), 1e-9);
  EXPECT_EQ(last_of("m")["scores"][0]["tokens"], 3);  // b, c and <|end|>
}

TEST_F(ServerTest, SurvivesGarbageAndSaysWhatIsWrong) {
  start_and_shake_hands();
  const auto expect_error = [&](const std::string& line, const std::string& id,
                                const std::string& part) {
    ASSERT_TRUE(client_->send_line(line).ok());
    const Json answer = receive();
    EXPECT_EQ(answer["event"], "error") << answer;
    EXPECT_EQ(answer["id"], id) << answer;
    EXPECT_NE(answer["message"].get<std::string>().find(part), std::string::npos) << answer;
  };
  expect_error("not json", "", "");
  expect_error("\xff\xfe\x80", "", "");
  expect_error(std::string(3000, '['), "", "");
  expect_error(std::string(protocol::kLineBytesMax + 1, 'x'), "", "dropped");
  expect_error(R"({"id":"1","kind":"explode"})", "1", "explode");
  expect_error(R"({"id":"2","kind":"generate"})", "2", "prompt");
  expect_error(R"({"id":"3","kind":"generate","prompt":""})", "3", "no tokens");
  expect_error(R"({"id":"4","kind":"generate","prompt":"a","top_p":7})", "4", "top_p");
  expect_error(R"({"id":"5","kind":"generate","prompt":"a","adapter":"b"})", "5", "adapter");
  expect_error(R"({"id":"6","kind":"score","prompt":"a"})", "6", "completion");
  expect_error(R"({"id":"7","kind":"generate","prompt":[{"role":5}]})", "7", "role");
  expect_error(R"({"id":"8","kind":"score","prompt":"a","completion":")" + std::string(200, 'z') +
                   "\"}", "8", "context");
  send(generate("still alive"));
  EXPECT_EQ(last_of("still alive")["event"], "done");
}

TEST_F(ServerTest, CancelEndsOneRequestOnly) {
  model_.decoder = endless_decoder();
  start_and_shake_hands();
  send(streamed("long", kEndlessTokens));
  send(generate("other", 3));
  bool cancelled = false;
  std::map<std::string, Json> ends;
  while (ends.size() < 3) {
    const Json line = receive();
    ASSERT_FALSE(line.empty());
    if (line["event"] != "token") {
      EXPECT_TRUE(ends.emplace(line["id"], line).second) << line;
      continue;
    }
    ASSERT_EQ(line["id"], "long");
    ASSERT_EQ(ends.count("long") + ends.count("c"), 0u) << "it goes on, cancelled";
    if (!cancelled) send({{"id", "c"}, {"kind", "cancel"}, {"request", "long"}});
    cancelled = true;
  }
  EXPECT_EQ(ends["other"]["event"], "done");
  EXPECT_EQ(ends["c"]["event"], "done");
  EXPECT_EQ(ends["long"]["event"], "error");
  EXPECT_EQ(ends["long"]["code"], "cancelled");
  send(generate("next", 3));
  EXPECT_EQ(receive()["id"], "next");
}

TEST_F(ServerTest, EndsWhenTheClientLeavesMidGeneration) {
  model_.decoder = endless_decoder();
  start_and_shake_hands();
  for (int i = 0; i < 50; ++i) send(streamed(std::to_string(i), kEndlessTokens));
  EXPECT_EQ(receive()["event"], "token");
  close();  // waits for the server, which ends by itself
  EXPECT_TRUE(status_.ok());
}

TEST_F(ServerTest, WaitsForASlowReader) {
  start_and_shake_hands({.queue_capacity = 4});
  // More answers than the socket's buffers hold, and nobody reads: the server must wait, not drop.
  const int requests = 10;
  std::thread sender([&] {
    for (int i = 0; i < requests; ++i) send(streamed(std::to_string(i), 100));
  });
  int done = 0;
  while (done < requests) {
    const Json line = receive();
    ASSERT_FALSE(line.empty());
    done += line["event"] == "done" ? 1 : 0;
  }
  sender.join();
}

// A client that only writes: once the server's answers have no room it reads no more, so the
// client's own writing stalls after a bounded number of bytes. Then the client is gone.
TEST_F(ServerTest, AFloodIsHeldBackAndLeavesNothing) {
  int fds[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  const int small = 4096;
  ASSERT_EQ(setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
  serve(fds[1], {.queue_capacity = 8, .in_flight_max = 4});
  const std::string line = to_line(streamed("flood", 120)) + "\n";
  const std::string hello = to_line(protocol::handshake("test")) + "\n";
  ASSERT_GT(::send(fds[0], hello.data(), hello.size(), MSG_NOSIGNAL), 0);
  constexpr size_t kBytesMax = 64u << 20;  // far beyond what any socket buffer holds
  size_t sent = 0;
  pollfd writable{fds[0], POLLOUT, 0};
  while (sent < kBytesMax && poll(&writable, 1, 2000) == 1) {
    const ssize_t count = ::send(fds[0], line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) sent += static_cast<size_t>(count);
  }
  EXPECT_LT(sent, kBytesMax) << "the server reads without end";
  EXPECT_GT(sent, 12 * line.size());
  ::close(fds[0]);
  await_end();
  EXPECT_TRUE(status_.ok());
}

TEST_F(ServerTest, RefusesAnotherVersion) {
  start();
  send({{"protocol", "attune-channel"}, {"version", 99}});
  EXPECT_TRUE(protocol::check_handshake(client_->receive(60'000).text).ok());
  const Json answer = receive();
  EXPECT_EQ(answer["event"], "error");
  EXPECT_NE(answer["message"].get<std::string>().find("99"), std::string::npos);
  EXPECT_EQ(client_->receive(60'000).event, LineEvent::kClosed);
  close();
  EXPECT_FALSE(status_.ok());
}

TEST_F(ServerTest, RefusesAFirstLineThatIsNoHandshake) {
  start();
  ASSERT_TRUE(client_->send_line("GET / HTTP/1.1").ok());
  client_->receive(60'000);
  EXPECT_EQ(receive()["event"], "error");
  EXPECT_EQ(client_->receive(60'000).event, LineEvent::kClosed);
}

}  // namespace
}  // namespace attune::engine::serve
