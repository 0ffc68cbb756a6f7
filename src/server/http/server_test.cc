// Requests and answers over real sockets. Time and limits are in server_limits_test.cc.
#include "server/http/server.h"

#include <gtest/gtest.h>

#include <future>
#include <stdexcept>

#include "server/http/running_server.h"

namespace attune::http {
namespace {

using testing::Answer;
using testing::Client;
using testing::get;
using testing::post;
using testing::RunningServer;

// Says back what it was asked.
Response echo(Request& request) {
  Response response;
  response.headers.add("Content-Type", "text/plain");
  response.headers.add("X-Path", request.path);
  response.body = request.body;
  return response;
}

// Bytes that differ from place to place, so that a lost or doubled piece shows.
std::string pattern(size_t bytes) {
  std::string text(bytes, '\0');
  uint32_t state = 1;
  for (char& c : text) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>('a' + (state >> 24) % 26);
  }
  return text;
}

TEST(Server, AnswersAndKeepsTheConnection) {
  RunningServer running(echo);
  Client client = running.connect();
  for (int i = 0; i < 3; ++i) {
    const std::string body = "body " + std::to_string(i);
    client.send(post("/p" + std::to_string(i), body));
    const Answer answer = client.read_answer();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, body);
    EXPECT_EQ(answer.header("X-Path"), "/p" + std::to_string(i));
    EXPECT_EQ(answer.header("Connection"), "");
    EXPECT_EQ(answer.header("Date").substr(answer.header("Date").size() - 3), "GMT");
  }
  const ServerCounts counts = running.server().counts();
  EXPECT_EQ(counts.requests, 3);
  EXPECT_EQ(counts.connections, 1);
  EXPECT_EQ(counts.in_flight, 0);
}

TEST(Server, ClosesWhereTheClientAsksForIt) {
  RunningServer running(echo);
  Client client = running.connect();
  client.send(get("/a", "Connection: close\r\n"));
  const Answer answer = client.read_answer();
  EXPECT_EQ(answer.header("Connection"), "close");
  EXPECT_EQ(client.read_all(), "");
}

TEST(Server, PipelinedRequestsAreAnsweredInOrder) {
  RunningServer running(echo);
  Client client = running.connect();
  std::string all;
  for (int i = 0; i < 200; ++i) all += post("/" + std::to_string(i), std::string(i * 7 % 900, 'x'));
  client.send(all);
  for (int i = 0; i < 200; ++i) {
    const Answer answer = client.read_answer();
    ASSERT_EQ(answer.header("X-Path"), "/" + std::to_string(i));
    ASSERT_EQ(answer.body.size(), static_cast<size_t>(i * 7 % 900));
  }
}

TEST(Server, LargeBodiesGoBothWaysWhole) {
  RunningServer running(echo);
  Client client = running.connect();
  const std::string body = pattern(20'000'000);
  std::thread sender([&] { client.send(post("/big", body)); });
  const Answer answer = client.read_answer();
  sender.join();
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.body == body);
}

TEST(Server, ReadsAChunkedBody) {
  RunningServer running(echo);
  Client client = running.connect();
  client.send("PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  running.wait_received(60);
  client.send("2\r\nde\r\n0\r\n\r\n");
  EXPECT_EQ(client.read_answer().body, "abcde");
}

TEST(Server, TellsAClientThatWaitsToGoOn) {
  RunningServer running(echo);
  Client client = running.connect();
  client.send("POST /c HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(client.read_answer().head, "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abc");
  EXPECT_EQ(client.read_answer().body, "abc");
}

TEST(Server, HeadAndBodylessStatusesHaveNoBody) {
  RunningServer running([](Request& request) {
    Response response;
    response.status = request.path == "/none" ? 204 : 200;
    response.body = "hello";
    return response;
  });
  Client client = running.connect();
  client.send("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n" + get("/none") + get("/a"));
  const Answer head = client.read_answer(true);
  EXPECT_EQ(head.header("Content-Length"), "5");
  const Answer none = client.read_answer();
  EXPECT_EQ(none.status, 204);
  EXPECT_EQ(none.header("Content-Length"), "");
  EXPECT_EQ(client.read_answer().body, "hello");
}

TEST(Server, GivesEachRequestAnId) {
  RunningServer running([](Request& request) {
    Response response;
    response.body = request.id + " " + request.remote_address;
    return response;
  });
  Client client = running.connect();
  client.send(get("/", "X-Request-Id: mine-1.a_B\r\n"));
  Answer answer = client.read_answer();
  EXPECT_EQ(answer.body, "mine-1.a_B 127.0.0.1");
  EXPECT_EQ(answer.header("X-Request-Id"), "mine-1.a_B");
  std::set<std::string> made;
  for (const std::string& evil : {std::string("a b"), std::string("a\"b"), std::string(""),
                                  std::string(129, 'a'), std::string("\xc3\xa4")}) {
    client.send(get("/", "X-Request-Id: " + evil + "\r\n"));
    answer = client.read_answer();
    EXPECT_EQ(answer.body, answer.header("X-Request-Id") + " 127.0.0.1");
    made.insert(answer.header("X-Request-Id"));
  }
  EXPECT_EQ(made.size(), 5U);
  EXPECT_EQ(made.count("a b") + made.count(""), 0U);
}

TEST(Server, AHeaderValueCannotBeginAnotherHeader) {
  RunningServer running([](Request&) {
    Response response;
    response.headers.add("X-Name", "a\r\nSet-Cookie: evil=1\r\n\r\nbody");
    response.headers.add("Content-Length", "9999");
    return response;
  });
  Client client = running.connect();
  client.send(get("/") + get("/"));
  for (int i = 0; i < 2; ++i) {
    const Answer answer = client.read_answer();
    EXPECT_EQ(answer.header("Set-Cookie"), "");
    EXPECT_EQ(answer.header("X-Name"), "a  Set-Cookie: evil=1    body");
    EXPECT_EQ(answer.header("Content-Length"), "0");
  }
}

TEST(Server, AHandlerThatThrowsIsAnswered500) {
  RunningServer running([](Request& request) -> Response {
    if (request.path == "/throw") throw std::runtime_error("secret");
    return {};
  });
  Client client = running.connect();
  client.send(get("/throw") + get("/fine"));
  const Answer answer = client.read_answer();
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.body, R"({"detail":"Internal Server Error"})");
  EXPECT_EQ(client.read_answer().status, 200);
}

TEST(Server, WhatItRefusesEndsTheConnection) {
  RunningServer running(echo);
  Client client = running.connect();
  client.send(
      "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
      "0\r\n\r\n" +
      get("/smuggled"));
  const Answer answer = client.read_answer();
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.header("Connection"), "close");
  EXPECT_EQ(client.read_all(), "");
  EXPECT_EQ(running.server().counts().requests, 0);
  EXPECT_EQ(running.server().counts().refused, 1);
}

TEST(Server, StreamsABodyInChunks) {
  const std::string body = pattern(5'000'000);
  RunningServer running([&body](Request&) {
    Response response;
    response.stream = [&body](BodyWriter& writer) {
      for (size_t at = 0, size = 1; at < body.size(); at += size, size = size * 3 % 70'001) {
        if (!writer.write(std::string_view(body).substr(at, size))) return;
      }
    };
    return response;
  });
  Client client = running.connect();
  client.send(get("/s") + get("/s"));
  for (int i = 0; i < 2; ++i) {
    const Answer answer = client.read_answer();
    EXPECT_EQ(answer.header("Transfer-Encoding"), "chunked");
    EXPECT_TRUE(answer.whole);
    EXPECT_TRUE(answer.body == body);
  }
}

TEST(Server, AnOldClientGetsAStreamWithoutChunks) {
  RunningServer running([](Request&) {
    Response response;
    response.stream = [](BodyWriter& writer) { writer.write("a"), writer.write("bc"); };
    return response;
  });
  Client client = running.connect();
  client.send("GET / HTTP/1.0\r\n\r\n");
  const Answer answer = client.read_answer();
  EXPECT_EQ(answer.header("Transfer-Encoding"), "");
  EXPECT_EQ(answer.body, "abc");
}

TEST(Server, AStreamThatBreaksOffDoesNotLookWhole) {
  RunningServer running([](Request&) {
    Response response;
    response.stream = [](BodyWriter& writer) {
      writer.write("half");
      throw std::runtime_error("no more");
    };
    return response;
  });
  Client client = running.connect();
  client.send(get("/"));
  const Answer answer = client.read_answer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_FALSE(answer.whole);
}

TEST(Server, AStreamLearnsThatItsClientIsGone) {
  std::promise<void> gone;
  RunningServer running([&gone](Request&) {
    Response response;
    response.stream = [&gone](BodyWriter& writer) {
      const std::string piece(100'000, 'x');
      while (writer.write(piece)) {
      }
      if (writer.stopping()) gone.set_value();
    };
    return response;
  });
  Client client = running.connect();
  client.send(get("/"));
  EXPECT_FALSE(client.read_some().empty());
  client.close();
  gone.get_future().wait();
  RunningServer::wait_until([&] { return running.server().counts().connections == 0; });
}

TEST(Server, ManyConnectionsAtOnce) {
  RunningServer running(echo);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 300; ++i) {
    clients.push_back(std::make_unique<Client>(running.port()));
    ASSERT_TRUE(clients.back()->connected()) << i;
    clients.back()->send(post("/", "half of it").substr(0, 60));
  }
  for (int i = 0; i < 300; ++i) {
    clients[static_cast<size_t>(i)]->send(post("/", "half of it").substr(60));
  }
  for (auto& client : clients) EXPECT_EQ(client->read_answer().body, "half of it");
  EXPECT_EQ(running.server().counts().connections, 300);
}

TEST(Server, AClientThatLeavesBeforeItsAnswerIsNoHarm) {
  std::promise<void> asked, go_on;
  RunningServer running([&](Request& request) {
    Response response;
    if (request.path == "/slow") {
      asked.set_value();
      go_on.get_future().wait();
      response.body = pattern(10'000'000);
    }
    return response;
  });
  {
    Client client = running.connect();
    client.send(get("/slow"));
    asked.get_future().wait();
  }
  go_on.set_value();
  Client client = running.connect();
  client.send(get("/"));
  EXPECT_EQ(client.read_answer().status, 200);
  RunningServer::wait_until([&] { return running.server().counts().connections == 1; });
}

TEST(Server, APortInUseIsSaid) {
  RunningServer running(echo);
  ServerOptions options;
  options.port = running.port();
  const auto second = Server::listen(options, echo);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().message().find("--port"), std::string::npos);
  options.address = "no.such.host.invalid";
  EXPECT_FALSE(Server::listen(options, echo).ok());
}

}  // namespace
}  // namespace attune::http
