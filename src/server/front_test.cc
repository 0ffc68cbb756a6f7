#include "server/front.h"

#include <gtest/gtest.h>

namespace attune::server {
namespace {

struct World {
  Metrics metrics;
  int64_t now_us = 1'000'000;
  Front front;

  explicit World(FrontOptions options) : front(with_clock(std::move(options)), metrics) {}
  FrontOptions with_clock(FrontOptions options) {
    options.access_log = false;
    options.clock_us = [this] { return now_us; };
    return options;
  }
  http::Response ask(const std::string& address, http::Headers headers = {}) {
    http::Request request;
    request.remote_address = address;
    request.headers = std::move(headers);
    return front.pass(request, [](http::Request& passed) {
      http::Response response;
      response.body = passed.remote_address;
      return response;
    });
  }
};

http::Headers with(std::string name, std::string value) {
  http::Headers headers;
  headers.add(std::move(name), std::move(value));
  return headers;
}

TEST(Front, LimitsEachAddress) {
  World world({.per_address = {.per_second = 1, .burst = 2}});
  EXPECT_EQ(world.ask("10.0.0.1").status, 200);
  EXPECT_EQ(world.ask("10.0.0.1").status, 200);
  const http::Response refused = world.ask("10.0.0.1");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(*refused.headers.find("Retry-After"), "1");
  EXPECT_EQ(world.ask("10.0.0.2").status, 200);
  world.now_us += 1'000'000;
  EXPECT_EQ(world.ask("10.0.0.1").status, 200);
}

TEST(Front, LimitsEachKeyWhereverItComesFrom) {
  World world({.per_key = {.per_second = 1, .burst = 1}});
  EXPECT_EQ(world.ask("10.0.0.1", with("X-Argilla-Api-Key", "a")).status, 200);
  EXPECT_EQ(world.ask("10.0.0.2", with("x-argilla-api-key", "a")).status, 429);
  EXPECT_EQ(world.ask("10.0.0.2", with("X-Argilla-Api-Key", "b")).status, 200);
  EXPECT_EQ(world.ask("10.0.0.2", with("Authorization", "Bearer a")).status, 200);
  EXPECT_EQ(world.ask("10.0.0.2", with("Authorization", "Bearer a")).status, 429);
  EXPECT_EQ(world.ask("10.0.0.2").status, 200);
  EXPECT_EQ(world.ask("10.0.0.2").status, 200);
}

TEST(Front, ThisMachineIsNotLimited) {
  World world({.per_address = {.per_second = 1, .burst = 1}});
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(world.ask("127.0.0.1").status, 200);
    EXPECT_EQ(world.ask("::1").status, 200);
  }
}

TEST(Front, BehindAProxyTheLastForwardedAddressIsTheClients) {
  World world({.behind_proxy = true, .per_address = {.per_second = 1, .burst = 1}});
  EXPECT_EQ(world.ask("127.0.0.1", with("X-Forwarded-For", "1.2.3.4, 10.0.0.7")).body, "10.0.0.7");
  EXPECT_EQ(world.ask("127.0.0.1", with("X-Forwarded-For", "9.9.9.9, 10.0.0.7")).status, 429);
  EXPECT_EQ(world.ask("127.0.0.1", with("X-Forwarded-For", "2001:db8::1")).body, "2001:db8::1");
  EXPECT_EQ(world.ask("127.0.0.1", with("X-Forwarded-For", "<script>")).body, "127.0.0.1");
  EXPECT_EQ(world.ask("10.0.0.9", with("X-Forwarded-For", "10.0.0.8")).body, "10.0.0.9");
}

TEST(Front, WithoutAProxyTheHeaderIsHearsay) {
  World world({});
  EXPECT_EQ(world.ask("127.0.0.1", with("X-Forwarded-For", "10.0.0.7")).body, "127.0.0.1");
}

TEST(Front, BrowsersAreToldNotToGuess) {
  World world({});
  const http::Response response = world.ask("127.0.0.1");
  EXPECT_EQ(*response.headers.find("X-Content-Type-Options"), "nosniff");
  EXPECT_NE(response.headers.find("Content-Security-Policy"), nullptr);
  EXPECT_NE(response.headers.find("Referrer-Policy"), nullptr);
}

TEST(Front, AHandlersOwnPolicyStands) {
  World world({});
  http::Request request;
  const http::Response response = world.front.pass(request, [](http::Request&) {
    http::Response own;
    own.headers.add("content-security-policy", "default-src 'self'");
    return own;
  });
  EXPECT_EQ(*response.headers.find("Content-Security-Policy"), "default-src 'self'");
}

TEST(Front, CountsWhatItAnswers) {
  World world({.per_address = {.per_second = 1, .burst = 1}});
  world.ask("10.0.0.1");
  world.ask("10.0.0.1");
  const std::string text = world.metrics.text({}, "1");
  EXPECT_NE(text.find(R"(attune_requests_total{method="GET",route="none",status="200"} 1)"),
            std::string::npos);
  EXPECT_NE(text.find(R"(attune_requests_total{method="GET",route="none",status="429"} 1)"),
            std::string::npos);
}

}  // namespace
}  // namespace attune::server
