// Who is told of events (webhooks), and what is still to be told (deliveries).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/store/database.h"

namespace attune::store {

struct Webhook {
  std::string id, url;
  std::string secret;  // base64; the key that signatures are made with
  std::vector<std::string> events;
  bool enabled = true;
  std::optional<std::string> description;
  std::string inserted_at, updated_at;
};

Result<std::vector<Webhook>> list_webhooks(Connection& connection);
Result<std::optional<Webhook>> find_webhook(Connection& connection, const std::string& id);
Status insert_webhook(Connection& connection, const Webhook& webhook);
Status update_webhook(Connection& connection, const Webhook& webhook);
// With what was still to be told it.
Status delete_webhook(Connection& connection, const std::string& id);
// The ids of the enabled ones that want to hear of it.
Result<std::vector<std::string>> listeners_of(Connection& connection, std::string_view event);

// One message to one webhook. It is deleted once delivered; one that was given up stays without its
// body, so that an operator sees it.
struct Delivery {
  int64_t number = 0;
  std::string webhook_id, message_id, event, body;
  int64_t attempts = 0;  // so far
  std::string due_at;
};

Status insert_delivery(Connection& connection, const Delivery& delivery);
Result<bool> any_due(Connection& connection, const std::string& now);
// Takes what is due, oldest first, at most `most` for each webhook: nobody else (another server on
// the same data base) gets it before `until`, and if we die, it is due again then.
Result<std::vector<Delivery>> claim_deliveries(Connection& connection, const std::string& now,
                                               const std::string& until, size_t most);
Status delete_delivery(Connection& connection, int64_t number);
// Gives a claimed one back: due at `due_at` after so many attempts.
Status postpone_delivery(Connection& connection, int64_t number, int64_t attempts,
                         const std::string& due_at, const std::string& outcome);
Status give_up_delivery(Connection& connection, int64_t number, int64_t attempts,
                        const std::string& outcome);

}  // namespace attune::store
