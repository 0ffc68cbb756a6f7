#include "server/api/webhooks/webhook_delivery.h"

#include <future>
#include <mutex>

#include "server/api/testing/accounts_fixture.h"
#include "server/http/server.h"

namespace attune::api {
namespace {

using testing::Reply;

// The receiving side of Standard Webhooks' own example in its documentation.
TEST(WebhookSignature, IsThatOfStandardWebhooks) {
  EXPECT_EQ(webhook_signature("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek",
                              1614265330, R"({"test": 2432232314})"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

class WebhookDeliveryTest : public testing::AccountsTest {
 protected:
  // A receiver that answers with the next of `statuses` (the last one again and again), or not at
  // all for 0.
  Result<int> receive(const WebhookPost& post) {
    const std::lock_guard lock(mutex_);
    posts_.push_back(post);
    const int status = statuses_[std::min(posts_.size(), statuses_.size()) - 1];
    if (status == 0) return Error(ErrorCode::kUnavailable, "nobody answers");
    return status;
  }
  WebhookDelivery delivery() {
    return WebhookDelivery(
        database(), [this](const WebhookPost& post) { return receive(post); },
        [this] { return clock_us(); });
  }
  std::string make_webhook(const char* url = "https://example.org/hook") {
    const Reply made = post("/api/v1/webhooks", {{"url", url}, {"events", {"record.created"}}});
    EXPECT_EQ(made.status, 201) << made.text;
    secret_ = made.body["secret"];
    return made.body["id"];
  }
  // Events are due when they happen, by the clock of the wall.
  void ping(const std::string& id) {
    EXPECT_EQ(post("/api/v1/webhooks/" + id + "/ping", nullptr).status, 204);
    pass_s(3600);
  }
  OrderedJson states() {
    OrderedJson all = OrderedJson::array();
    const auto rows = database().read([](store::Connection& c) {
      return c.run("SELECT state, attempts, body FROM webhook_deliveries ORDER BY number");
    });
    for (const auto& row : rows.value()) {
      all.push_back({row.text(0), row.integer(1), row.text(2).empty()});
    }
    return all;
  }

  std::vector<int> statuses_ = {200};
  std::vector<WebhookPost> posts_;
  std::string secret_;
  std::mutex mutex_;
};
INSTANTIATE_BOTH_DATABASES(WebhookDeliveryTest);

std::string header(const WebhookPost& post, const std::string& name) {
  for (const auto& [key, value] : post.headers) {
    if (key == name) return value;
  }
  return "";
}

TEST_P(WebhookDeliveryTest, MessagesAreSignedAndDeliveredOnce) {
  ping(make_webhook());
  WebhookDelivery worker = delivery();
  EXPECT_EQ(worker.deliver_due().value(), 1);
  EXPECT_EQ(worker.deliver_due().value(), 0);
  ASSERT_EQ(posts_.size(), 1u);
  const WebhookPost& post = posts_[0];
  EXPECT_EQ(post.url, "https://example.org/hook");
  const OrderedJson body = parse_ordered_json(post.body).value();
  EXPECT_EQ(body["type"], "ping");
  EXPECT_EQ(body["version"], 1);
  EXPECT_TRUE(body["timestamp"].get<std::string>().ends_with("Z"));
  EXPECT_EQ(body["data"]["agent"], "attune");
  const std::string id = header(post, "webhook-id"), time = header(post, "webhook-timestamp");
  EXPECT_TRUE(id.starts_with("msg_"));
  EXPECT_EQ(time, std::to_string(clock_us() / 1'000'000));
  EXPECT_EQ(header(post, "webhook-signature"),
            webhook_signature(secret_, id, std::stoll(time), post.body));
  EXPECT_EQ(states(), OrderedJson::array());
}

TEST_P(WebhookDeliveryTest, FailuresAreTriedAgainAfter10And60And180SecondsThenGivenUp) {
  statuses_ = {500, 0, 302, 404};
  ping(make_webhook());
  WebhookDelivery worker = delivery();
  for (const int64_t wait_s : {10, 60, 180}) {
    EXPECT_EQ(worker.deliver_due().value(), 0);
    const size_t tried = posts_.size();
    pass_s(wait_s - 1);
    EXPECT_EQ(worker.deliver_due().value(), 0);
    EXPECT_EQ(posts_.size(), tried) << "too early after " << tried;
    pass_s(1);
  }
  EXPECT_EQ(worker.deliver_due().value(), 0);
  EXPECT_EQ(posts_.size(), 4u);
  EXPECT_EQ(states(), parse_ordered_json(R"([["given_up",4,true]])").value());
  pass_s(100'000);
  EXPECT_EQ(worker.deliver_due().value(), 0);
  EXPECT_EQ(posts_.size(), 4u);
  for (const WebhookPost& post : posts_) {
    EXPECT_EQ(header(post, "webhook-id"), header(posts_[0], "webhook-id"));
  }
}

TEST_P(WebhookDeliveryTest, ARepeatThatSucceedsEndsIt) {
  statuses_ = {503, 204};
  ping(make_webhook());
  WebhookDelivery worker = delivery();
  EXPECT_EQ(worker.deliver_due().value(), 0);
  pass_s(10);
  EXPECT_EQ(worker.deliver_due().value(), 1);
  EXPECT_EQ(states(), OrderedJson::array());
}

TEST_P(WebhookDeliveryTest, AfterAFailureTheRestOfItsMessagesWait) {
  statuses_ = {500, 200};
  const std::string id = make_webhook();
  for (int i = 0; i < 3; ++i) ping(id);
  WebhookDelivery worker = delivery();
  EXPECT_EQ(worker.deliver_due().value(), 0);
  EXPECT_EQ(posts_.size(), 1u) << "a broken receiver costs one time-out a round";
  EXPECT_EQ(worker.deliver_due().value(), 2) << "the second and third are due as before";
  pass_s(10);
  EXPECT_EQ(worker.deliver_due().value(), 1);
}

TEST_P(WebhookDeliveryTest, WhatAServerClaimedIsNotSentTwiceAndComesBackWhenItDies) {
  ping(make_webhook());
  const auto claim = [&] {
    const auto claimed = database().write([&](store::Connection& c) {
      return store::claim_deliveries(c, domain::format_time(clock_us()),
                                     domain::format_time(clock_us() + 300'000'000), 50);
    });
    return claimed.value().size();
  };
  EXPECT_EQ(claim(), 1u);
  EXPECT_EQ(claim(), 0u);
  WebhookDelivery worker = delivery();
  EXPECT_EQ(worker.deliver_due().value(), 0);
  pass_s(300);
  EXPECT_EQ(worker.deliver_due().value(), 1);
}

TEST_P(WebhookDeliveryTest, WhatWaitsForADisabledWebhookIsDropped) {
  const std::string id = make_webhook();
  ping(id);
  EXPECT_EQ(patch("/api/v1/webhooks/" + id, {{"enabled", false}}).status, 200);
  WebhookDelivery worker = delivery();
  EXPECT_EQ(worker.deliver_due().value(), 0);
  EXPECT_TRUE(posts_.empty());
  EXPECT_EQ(states(), OrderedJson::array());
}

// A receiver of our own on the loopback address, for what curl does.
class Receiver {
 public:
  // Answers once `released`, where that is given.
  explicit Receiver(int status, const std::string& location = "",
                    std::shared_future<void> released = {}) {
    http::ServerOptions options;
    options.port = 0;
    options.threads = 2;
    server_ = http::Server::listen(options, [=, this](http::Request& request) {
                {
                  const std::lock_guard lock(mutex_);
                  requests_.push_back(request);
                }
                if (released.valid()) released.wait();
                http::Response response = http::empty_response(status);
                if (!location.empty()) response.headers.add("Location", location);
                return response;
              }).value();
    thread_ = std::thread([this] { EXPECT_TRUE(server_->run(0).ok()); });
  }
  ~Receiver() {
    server_->stop();
    thread_.join();
  }
  std::string url() const { return fmt::format("http://127.0.0.1:{}/hook", server_->port()); }
  std::vector<http::Request> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  std::unique_ptr<http::Server> server_;
  std::mutex mutex_;
  std::vector<http::Request> requests_;
  std::thread thread_;
};

TEST(WebhookPostTest, SendsBodyAndHeaders) {
  Receiver receiver(204);
  const auto status =
      curl_post(true)({receiver.url(), R"({"a":1})", {{"webhook-id", "msg_1"}}});
  ASSERT_TRUE(status.ok()) << status.error().message();
  EXPECT_EQ(status.value(), 204);
  ASSERT_EQ(receiver.requests().size(), 1u);
  const http::Request request = receiver.requests()[0];
  EXPECT_EQ(request.method, http::Method::kPost);
  EXPECT_EQ(request.body, R"({"a":1})");
  ASSERT_NE(request.headers.find("webhook-id"), nullptr);
  EXPECT_EQ(*request.headers.find("webhook-id"), "msg_1");
}

TEST(WebhookPostTest, RefusesToConnectInsideTheNetwork) {
  Receiver receiver(204);
  // A name that was fine when it was stored may lead inside later: the connection counts.
  const auto status = curl_post(false)({receiver.url(), "{}", {}});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message(), "the address is inside the network");
  EXPECT_TRUE(receiver.requests().empty());
}

TEST(WebhookPostTest, DoesNotFollowRedirects) {
  Receiver target(204);
  Receiver receiver(307, target.url());
  const auto status = curl_post(true)({receiver.url(), "{}", {}});
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status.value(), 307);
  EXPECT_TRUE(target.requests().empty());
}

TEST_P(WebhookDeliveryTest, TheThreadDeliversByItself) {
  services().allow_private_webhooks = true;
  Receiver receiver(200);
  const std::string id = make_webhook(receiver.url().c_str());
  ping(id);
  WebhookDelivery worker(database(), curl_post(true), [this] { return clock_us(); });
  worker.start();
  while (!states().empty()) std::this_thread::yield();  // to stop earlier would break it off
  worker.stop();
  EXPECT_EQ(receiver.requests().size(), 1u);
}

// The end of a server is no failure of who is slow to answer: nothing was delivered, no attempt is
// counted, and another start delivers at once.
TEST_P(WebhookDeliveryTest, StoppingBreaksOffWhoDoesNotAnswerAndGivesBackTheRest) {
  services().allow_private_webhooks = true;
  std::promise<void> release;
  Receiver receiver(200, "", release.get_future().share());
  const std::string id = make_webhook(receiver.url().c_str());
  for (int i = 0; i < 3; ++i) ping(id);
  {
    WebhookDelivery worker(database(), curl_post(true, 1000L * 3600),
                           [this] { return clock_us(); });
    worker.start();
    while (receiver.requests().empty()) std::this_thread::yield();
    worker.stop();
  }
  EXPECT_EQ(receiver.requests().size(), 1u);
  const auto waiting = parse_ordered_json(R"(["waiting",0,false])").value();
  EXPECT_EQ(states(), OrderedJson::array({waiting, waiting, waiting}));
  release.set_value();
  WebhookDelivery next(database(), curl_post(true), [this] { return clock_us(); });
  EXPECT_EQ(next.deliver_due().value(), 3);
  EXPECT_EQ(states(), OrderedJson::array());
}

}  // namespace
}  // namespace attune::api
