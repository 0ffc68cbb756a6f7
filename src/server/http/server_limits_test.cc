// Slow clients, full servers, and stopping. The clock is the tests' own: nothing waits for time
// to pass.
#include <gtest/gtest.h>

#include <future>

#include "server/http/running_server.h"

namespace attune::http {
namespace {

using testing::Answer;
using testing::Client;
using testing::get;
using testing::post;
using testing::RunningServer;

Response fine(Request& request) {
  Response response;
  response.body = request.body;
  return response;
}

TEST(ServerLimits, AHeaderThatDripsIsCutOff) {
  RunningServer running(fine);
  Client client = running.connect();
  const std::string request = get("/", "X-A: b\r\n");
  client.send(request.substr(0, 10));
  running.wait_received(10);
  running.pass_ms(6'000);
  client.send(request.substr(10, 10));
  running.wait_received(20);
  running.pass_ms(3'999);
  client.send(request.substr(20, 10));
  running.wait_received(30);
  EXPECT_EQ(running.server().counts().timeouts, 0);
  running.pass_ms(1);
  const Answer answer = client.read_answer();
  EXPECT_EQ(answer.status, 408);
  EXPECT_EQ(answer.header("Connection"), "close");
  EXPECT_EQ(running.server().counts().timeouts, 1);
}

TEST(ServerLimits, ABodyThatDripsIsCutOffAndOneThatMovesIsNot) {
  RunningServer running(fine);
  Client slow = running.connect(), steady = running.connect();
  const std::string request = post("/", std::string(9'900, 'x'));
  slow.send(request.substr(0, 200));
  steady.send(request.substr(0, 200));
  running.wait_received(400);
  size_t received = 400;
  for (size_t at = 200; at < request.size(); at += 5000) {
    running.pass_ms(50'000);
    slow.send("y");
    steady.send(request.substr(at, 5000));
    running.wait_received(received + std::min<size_t>(5000, request.size() - at));
    received += 1 + std::min<size_t>(5000, request.size() - at);
  }
  EXPECT_EQ(steady.read_answer().body.size(), 9'900U);
  EXPECT_EQ(slow.read_answer().status, 408);
  EXPECT_EQ(running.server().counts().timeouts, 1);
}

TEST(ServerLimits, AnIdleConnectionIsClosedWithoutAWord) {
  RunningServer running(fine);
  Client client = running.connect();
  client.send(get("/"));
  EXPECT_EQ(client.read_answer().status, 200);
  running.pass_ms(120'000);
  EXPECT_EQ(client.read_all(), "");
  EXPECT_EQ(running.server().counts().timeouts, 0);
}

TEST(ServerLimits, AConnectionThatNeverSpeaksIsClosed) {
  RunningServer running(fine);
  Client client = running.connect();
  RunningServer::wait_until([&] { return running.server().counts().connections == 1; });
  running.pass_ms(10'000);
  EXPECT_EQ(client.read_all(), "");
}

TEST(ServerLimits, AClientThatDoesNotReadIsCutOff) {
  RunningServer running([](Request&) {
    Response response;
    response.body = std::string(64 << 20, 'x');
    return response;
  });
  Client client = running.connect();
  client.send(get("/"));
  RunningServer::wait_until([&] { return running.server().counts().requests == 1; });
  RunningServer::wait_until([&] {
    running.pass_ms(60'000);  // each renews while the kernel still takes some
    return running.server().counts().timeouts == 1;
  });
  EXPECT_FALSE(client.read_answer().whole);
}

TEST(ServerLimits, AClientThatStaysAfterItsRefusalIsClosed) {
  RunningServer running(fine);
  Client client = running.connect();
  client.send("no request\r\n\r\n");
  EXPECT_EQ(client.read_answer().status, 400);
  EXPECT_EQ(client.read_all(), "");
  // A refusal is sent before the connection is counted.
  RunningServer::wait_until([&] { return running.server().counts().connections == 1; });
  running.pass_ms(2'000);
  RunningServer::wait_until([&] { return running.server().counts().connections == 0; });
}

TEST(ServerLimits, ABodyOverTheLimitIsRefusedWhileItIsSent) {
  ServerOptions options;
  options.limits.body_bytes = 1000;
  RunningServer running(fine, options);
  Client client = running.connect();
  client.send(post("/", std::string(3'000'000, 'x')));
  EXPECT_EQ(client.read_answer().status, 413);
}

TEST(ServerLimits, ConnectionsOverTheLimitAreTold) {
  ServerOptions options;
  options.limits.connections = 3;
  RunningServer running(fine, options);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<Client>(running.port()));
    clients.back()->send(get("/"));
    EXPECT_EQ(clients.back()->read_answer().status, 200);
  }
  Client fourth = running.connect();
  EXPECT_EQ(fourth.read_answer().status, 503);
  fourth.close();
  clients.pop_back();
  RunningServer::wait_until([&] { return running.server().counts().connections == 2; });
  Client fifth = running.connect();
  fifth.send(get("/"));
  EXPECT_EQ(fifth.read_answer().status, 200);
}

TEST(ServerLimits, BodiesThatWaitShareOneLimit) {
  std::promise<void> asked, go_on;
  ServerOptions options;
  options.limits.buffered_bytes = 1000;
  RunningServer running(
      [&](Request& request) {
        if (request.path == "/held") {
          asked.set_value();
          go_on.get_future().wait();
        }
        return fine(request);
      },
      options);
  Client first = running.connect(), second = running.connect(), third = running.connect();
  first.send(post("/held", std::string(800, 'x')));
  asked.get_future().wait();
  second.send(post("/", std::string(800, 'x')));
  EXPECT_EQ(second.read_answer().status, 503);
  go_on.set_value();
  EXPECT_EQ(first.read_answer().status, 200);
  third.send(post("/", std::string(800, 'x')));
  EXPECT_EQ(third.read_answer().status, 200);
}

TEST(ServerLimits, StreamsOverTheLimitAreTold) {
  std::promise<void> go_on;
  std::shared_future<void> released = go_on.get_future().share();
  ServerOptions options;
  options.stream_threads = 1;
  RunningServer running(
      [released](Request&) {
        Response response;
        response.stream = [released](BodyWriter& writer) {
          writer.write("begun");
          released.wait();
        };
        return response;
      },
      options);
  Client first = running.connect(), second = running.connect();
  first.send(get("/"));
  EXPECT_FALSE(first.read_some().empty());
  second.send(get("/"));
  EXPECT_EQ(second.read_answer().status, 503);
  go_on.set_value();
}

TEST(ServerDrain, FinishesWhatRunsAndTakesNothingNew) {
  std::promise<void> asked, go_on;
  RunningServer running([&](Request& request) {
    if (request.path == "/held") {
      asked.set_value();
      go_on.get_future().wait();
    }
    return fine(request);
  });
  Client idle = running.connect(), held = running.connect(), half = running.connect();
  idle.send(get("/"));
  EXPECT_EQ(idle.read_answer().status, 200);
  held.send(post("/held", "answer me") + get("/not-any-more"));
  asked.get_future().wait();
  half.send(post("/", "second half").substr(0, 30));
  running.wait_received(get("/").size() + post("/held", "answer me").size() + 30);
  running.server().stop();
  EXPECT_EQ(idle.read_all(), "");
  RunningServer::wait_until([&] { return !running.connect().connected(); });
  half.send(post("/", "second half").substr(30));
  const Answer last = half.read_answer();
  EXPECT_EQ(last.body, "second half");
  EXPECT_EQ(last.header("Connection"), "close");
  go_on.set_value();
  const Answer answer = held.read_answer();
  EXPECT_EQ(answer.body, "answer me");
  EXPECT_EQ(answer.header("Connection"), "close");
  EXPECT_EQ(held.read_all(), "");
  for (Client* client : {&idle, &held, &half}) client->close();
  running.join();
  EXPECT_EQ(running.server().counts().requests, 3);
}

TEST(ServerDrain, AnEndlessStreamIsAskedToEnd) {
  RunningServer running([](Request&) {
    Response response;
    response.stream = [](BodyWriter& writer) {
      writer.write("first");
      while (!writer.stopping()) std::this_thread::yield();
      writer.write(" last");
    };
    return response;
  });
  Client client = running.connect();
  client.send(get("/"));
  RunningServer::wait_until([&] { return running.server().counts().in_flight == 1; });
  running.server().stop();
  const Answer answer = client.read_answer();
  EXPECT_TRUE(answer.whole);
  EXPECT_EQ(answer.body, "first last");
  client.close();
  running.join();
}

TEST(ServerDrain, WhatTakesTooLongIsCut) {
  std::promise<void> asked, go_on;
  RunningServer running([&](Request& request) {
    asked.set_value();
    go_on.get_future().wait();
    return fine(request);
  });
  Client client = running.connect();
  client.send(get("/"));
  asked.get_future().wait();
  running.server().stop();
  RunningServer::wait_until([&] { return !running.connect().connected(); });
  running.pass_ms(10'000);
  running.join();
  EXPECT_EQ(client.read_all(), "");
  go_on.set_value();
}

}  // namespace
}  // namespace attune::http
