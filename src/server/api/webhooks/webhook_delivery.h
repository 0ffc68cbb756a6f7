// Delivers what is due to webhooks, by the rules of Standard Webhooks: headers webhook-id,
// webhook-timestamp (seconds) and webhook-signature ("v1," and the base64 of the HMAC-SHA256 of
// "id.timestamp.body" by the decoded secret). Any 2xx is success; else it is tried again after 10,
// 60 and 180 seconds, then given up. At least once: a receiver knows a repeat by its webhook-id.
// Several servers on one data base share the work.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.h"
#include "server/api/webhooks/webhook_post.h"
#include "server/domain/identity.h"
#include "server/store/database.h"
#include "server/store/webhooks.h"

namespace attune::api {

// "v1,..." of Standard Webhooks.
std::string webhook_signature(const std::string& secret, const std::string& message_id,
                              int64_t timestamp_s, const std::string& body);

class WebhookDelivery {
 public:
  WebhookDelivery(store::Database& database, PostFunction post,
                  std::function<int64_t()> clock_us = domain::now_us);
  ~WebhookDelivery();  // stops

  // One round: everything that is due is tried once, the webhooks beside each other, the messages
  // of one in order; after a failure the rest of its messages wait for the next round. How many
  // were delivered.
  Result<int64_t> deliver_due();

  // Rounds on a thread of its own, a second after the last one ended. Called once.
  void start();
  // Breaks off the post that is under way and gives back what was claimed, with as many attempts as
  // before: a receiver is not to blame for our end. It is due again at the next start.
  void stop();

 private:
  struct Batch;
  void run();
  int64_t deliver(const Batch& batch);
  Result<int> post_to(const store::Webhook& webhook, const store::Delivery& delivery);
  Status failed(const store::Delivery& delivery, const std::string& outcome);
  Status give_back(const store::Delivery& delivery, const std::string& why);

  store::Database& database_;
  PostFunction post_;
  std::function<int64_t()> clock_us_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  std::atomic<bool> stopping_ = false;  // set under the mutex
};

}  // namespace attune::api
