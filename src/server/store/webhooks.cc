#include "server/store/webhooks.h"

#include <algorithm>
#include <map>

#include "base/json.h"

namespace attune::store {
namespace {

Result<Webhook> webhook_of(const Row& row) {
  Webhook webhook;
  webhook.id = row.text(0);
  webhook.url = row.text(1);
  webhook.secret = row.text(2);
  const Json events = TRY(parse_json(row.text(3)));
  for (const Json& event : events) webhook.events.push_back(event.get<std::string>());
  webhook.enabled = row.boolean(4);
  webhook.description = row.text_or_null(5);
  webhook.inserted_at = row.text(6);
  webhook.updated_at = row.text(7);
  return webhook;
}

std::string events_text(const Webhook& webhook) {
  return to_line(Json(webhook.events));
}

}  // namespace

Result<std::vector<Webhook>> list_webhooks(Connection& connection) {
  const Rows rows = TRY(connection.run(
      "SELECT id, url, secret, events, enabled, description, inserted_at, updated_at "
      "FROM webhooks ORDER BY position"));
  std::vector<Webhook> webhooks;
  for (const Row& row : rows) webhooks.push_back(TRY(webhook_of(row)));
  return webhooks;
}

Result<std::optional<Webhook>> find_webhook(Connection& connection, const std::string& id) {
  const Rows rows = TRY(connection.run(
      "SELECT id, url, secret, events, enabled, description, inserted_at, updated_at "
      "FROM webhooks WHERE id = $1",
      {id}));
  if (rows.empty()) return std::optional<Webhook>();
  return std::optional(TRY(webhook_of(rows[0])));
}

Status insert_webhook(Connection& connection, const Webhook& webhook) {
  TRY(connection.run(
      "INSERT INTO webhooks (id, url, secret, events, enabled, description, inserted_at, "
      "updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
      {webhook.id, webhook.url, webhook.secret, events_text(webhook),
       int64_t{webhook.enabled ? 1 : 0}, or_null(webhook.description), webhook.inserted_at,
       webhook.updated_at}));
  return {};
}

Status update_webhook(Connection& connection, const Webhook& webhook) {
  TRY(connection.run(
      "UPDATE webhooks SET url = $2, events = $3, enabled = $4, description = $5, "
      "updated_at = $6 WHERE id = $1",
      {webhook.id, webhook.url, events_text(webhook), int64_t{webhook.enabled ? 1 : 0},
       or_null(webhook.description), webhook.updated_at}));
  return {};
}

Status delete_webhook(Connection& connection, const std::string& id) {
  TRY(connection.run("DELETE FROM webhook_deliveries WHERE webhook_id = $1", {id}));
  TRY(connection.run("DELETE FROM webhooks WHERE id = $1", {id}));
  return {};
}

Result<std::vector<std::string>> listeners_of(Connection& connection, std::string_view event) {
  std::vector<std::string> ids;
  const std::vector<Webhook> webhooks = TRY(list_webhooks(connection));
  for (const Webhook& webhook : webhooks) {
    const auto& events = webhook.events;
    const bool wants = std::find(events.begin(), events.end(), event) != events.end();
    if (webhook.enabled && wants) ids.push_back(webhook.id);
  }
  return ids;
}

Status insert_delivery(Connection& connection, const Delivery& delivery) {
  TRY(connection.run(
      "INSERT INTO webhook_deliveries (webhook_id, message_id, event, body, attempts, due_at, "
      "state) VALUES ($1, $2, $3, $4, 0, $5, 'waiting')",
      {delivery.webhook_id, delivery.message_id, delivery.event, delivery.body,
       delivery.due_at}));
  return {};
}

Result<bool> any_due(Connection& connection, const std::string& now) {
  return !TRY(connection.run("SELECT 1 FROM webhook_deliveries WHERE state = 'waiting' AND "
                             "due_at <= $1 LIMIT 1",
                             {now}))
              .empty();
}

Result<std::vector<Delivery>> claim_deliveries(Connection& connection, const std::string& now,
                                               const std::string& until, size_t most) {
  const Rows rows = TRY(connection.run(
      "SELECT number, webhook_id, message_id, event, body, attempts, due_at "
      "FROM webhook_deliveries WHERE state = 'waiting' AND due_at <= $1 ORDER BY number LIMIT 500",
      {now}));
  std::map<std::string, size_t> taken;
  std::vector<Delivery> claimed;
  for (const Row& row : rows) {
    Delivery delivery{row.integer(0), row.text(1), row.text(2), row.text(3),
                      row.text(4),    row.integer(5), row.text(6)};
    if (taken[delivery.webhook_id] == most) continue;
    TRY(connection.run(
        "UPDATE webhook_deliveries SET due_at = $3 "
        "WHERE number = $1 AND due_at = $2 AND state = 'waiting'",
        {delivery.number, delivery.due_at, until}));
    if (connection.changed() == 0) continue;  // another server was quicker
    ++taken[delivery.webhook_id];
    claimed.push_back(std::move(delivery));
  }
  return claimed;
}

Status delete_delivery(Connection& connection, int64_t number) {
  TRY(connection.run("DELETE FROM webhook_deliveries WHERE number = $1", {number}));
  return {};
}

Status postpone_delivery(Connection& connection, int64_t number, int64_t attempts,
                         const std::string& due_at, const std::string& outcome) {
  TRY(connection.run(
      "UPDATE webhook_deliveries SET attempts = $2, due_at = $3, outcome = $4 WHERE number = $1",
      {number, attempts, due_at, outcome}));
  return {};
}

Status give_up_delivery(Connection& connection, int64_t number, int64_t attempts,
                        const std::string& outcome) {
  TRY(connection.run(
      "UPDATE webhook_deliveries SET attempts = $2, outcome = $3, state = 'given_up', body = '' "
      "WHERE number = $1",
      {number, attempts, outcome}));
  return {};
}

}  // namespace attune::store
