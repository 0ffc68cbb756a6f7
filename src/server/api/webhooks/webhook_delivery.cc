#include "server/api/webhooks/webhook_delivery.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <atomic>
#include <map>
#include <utility>

#include "base/log.h"
#include "server/auth/secrets.h"

namespace attune::api {
namespace {

using store::Connection;
using store::Delivery;
using store::Webhook;

constexpr int64_t kSecond_us = 1'000'000;
constexpr std::array<int64_t, 3> kRetry_s = {10, 60, 180};
// One round of one webhook takes at most: messages that are answered at once, and one that is not.
constexpr size_t kMostInARound = 50;
constexpr int64_t kClaim_s = 300;

// The bytes of base64; what is none is taken as it is, as the library of the contract does.
std::string key_of(const std::string& secret) {
  std::string key(secret.size() * 3 / 4 + 3, '\0');
  const int decoded = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(key.data()),
                                      reinterpret_cast<const unsigned char*>(secret.data()),
                                      static_cast<int>(secret.size()));
  if (decoded < 0) return secret;
  size_t padding = 0;  // EVP_DecodeBlock counts it as zero bytes
  while (padding < 2 && padding < secret.size() && secret[secret.size() - 1 - padding] == '=') {
    ++padding;
  }
  key.resize(static_cast<size_t>(decoded) - padding);
  return key;
}

}  // namespace

std::string webhook_signature(const std::string& secret, const std::string& message_id,
                              int64_t timestamp_s, const std::string& body) {
  const std::string text = fmt::format("{}.{}.{}", message_id, timestamp_s, body);
  const std::string key = key_of(secret);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &length);
  return "v1," + auth::to_base64({reinterpret_cast<const char*>(digest.data()), length});
}

struct WebhookDelivery::Batch {
  Webhook webhook;
  std::vector<Delivery> deliveries;
};

WebhookDelivery::WebhookDelivery(store::Database& database, PostFunction post,
                                 std::function<int64_t()> clock_us)
    : database_(database), post_(std::move(post)), clock_us_(std::move(clock_us)) {}

WebhookDelivery::~WebhookDelivery() {
  stop();
}

Result<int64_t> WebhookDelivery::deliver_due() {
  const int64_t now = clock_us_();
  const std::string due = domain::format_time(now);
  // Looking is cheap, claiming is a write: most rounds find nothing.
  const bool any = TRY(
      database_.read([&](Connection& connection) { return store::any_due(connection, due); }));
  if (!any) return 0;
  std::map<std::string, Batch> batches;
  const Status claimed = database_.write([&](Connection& connection) -> Status {
    batches.clear();
    auto deliveries = TRY(store::claim_deliveries(
        connection, due, domain::format_time(now + kClaim_s * kSecond_us), kMostInARound));
    for (Delivery& delivery : deliveries) {
      batches[delivery.webhook_id].deliveries.push_back(std::move(delivery));
    }
    for (auto& [id, batch] : batches) {
      if (auto webhook = TRY(store::find_webhook(connection, id))) batch.webhook = *webhook;
    }
    return {};
  });
  TRY(claimed);
  std::atomic<int64_t> delivered{0};
  std::vector<std::thread> threads;
  for (const auto& [id, batch] : batches) {
    threads.emplace_back([this, &batch = batch, &delivered] { delivered += deliver(batch); });
  }
  for (std::thread& thread : threads) thread.join();
  return delivered.load();
}

int64_t WebhookDelivery::deliver(const Batch& batch) {
  int64_t delivered = 0;
  bool broken = false;
  for (const Delivery& delivery : batch.deliveries) {
    Status stored;
    if (!batch.webhook.enabled || batch.webhook.id.empty()) {
      stored = database_.write([&](Connection& connection) {
        return store::delete_delivery(connection, delivery.number);
      });
    } else if (broken) {
      stored = give_back(delivery, "not tried: the one before it failed");
    } else if (stopping_) {
      stored = give_back(delivery, "not tried: the server stopped");
    } else {
      const Result<int> status = post_to(batch.webhook, delivery);
      if (status.ok() && status.value() / 100 == 2) {
        ++delivered;
        stored = database_.write([&](Connection& connection) {
          return store::delete_delivery(connection, delivery.number);
        });
      } else if (!status.ok() && stopping_) {
        stored = give_back(delivery, "broken off: the server stopped");
      } else {
        broken = true;
        stored = failed(delivery, status.ok() ? fmt::format("status {}", status.value())
                                              : status.error().message());
      }
    }
    // Claimed, it comes back by itself.
    if (!stored.ok()) log_error("webhook {}: {}", delivery.webhook_id, stored.error().message());
  }
  return delivered;
}

Result<int> WebhookDelivery::post_to(const Webhook& webhook, const Delivery& delivery) {
  const int64_t timestamp = clock_us_() / kSecond_us;
  WebhookPost request;
  request.url = webhook.url;
  request.body = delivery.body;
  request.stopping = [this] { return stopping_.load(); };
  request.headers = {
      {"Content-Type", "application/json"},
      {"User-Agent", "attune"},
      {"webhook-id", delivery.message_id},
      {"webhook-timestamp", std::to_string(timestamp)},
      {"webhook-signature",
       webhook_signature(webhook.secret, delivery.message_id, timestamp, delivery.body)}};
  return post_(request);
}

Status WebhookDelivery::failed(const Delivery& delivery, const std::string& outcome) {
  const int64_t attempts = delivery.attempts + 1;
  const bool last = attempts > static_cast<int64_t>(kRetry_s.size());
  if (last) {
    log_warning("webhook {}: {} {} was given up after {} attempts: {}", delivery.webhook_id,
                delivery.event, delivery.message_id, attempts, outcome);
    return database_.write([&](Connection& connection) {
      return store::give_up_delivery(connection, delivery.number, attempts, outcome);
    });
  }
  const int64_t wait_s = kRetry_s[static_cast<size_t>(attempts - 1)];
  const std::string due = domain::format_time(clock_us_() + wait_s * kSecond_us);
  return database_.write([&](Connection& connection) {
    return store::postpone_delivery(connection, delivery.number, attempts, due, outcome);
  });
}

Status WebhookDelivery::give_back(const Delivery& delivery, const std::string& why) {
  return database_.write([&](Connection& connection) {
    return store::postpone_delivery(connection, delivery.number, delivery.attempts,
                                    delivery.due_at, why);
  });
}

void WebhookDelivery::start() {
  CHECK(!thread_.joinable(), "deliveries of webhooks were started twice");
  thread_ = std::thread([this] { run(); });
}

void WebhookDelivery::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void WebhookDelivery::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    const Result<int64_t> round = deliver_due();
    if (!round.ok()) log_error("webhooks: {}", round.error().message());
    lock.lock();
    stopped_.wait_for(lock, std::chrono::seconds(1), [this] { return stopping_.load(); });
  }
}

}  // namespace attune::api
