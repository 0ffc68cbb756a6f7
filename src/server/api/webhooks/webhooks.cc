#include <algorithm>

#include "server/api/audit.h"
#include "server/api/endpoints.h"
#include "server/api/schema_check.h"
#include "server/api/transaction.h"
#include "server/api/webhooks/webhook_events.h"
#include "server/api/webhooks/webhook_post.h"
#include "server/auth/secrets.h"
#include "server/domain/identity.h"
#include "server/store/webhooks.h"

namespace attune::api {
namespace {

using http::json_response;
using http::Method;
using http::Response;
using store::Connection;
using store::Webhook;

constexpr size_t kWebhooksMax = 10;
constexpr size_t kUrlMax = 2083;
constexpr size_t kSecretBytes = 64;

OrderedJson webhook_json(const Webhook& webhook) {
  OrderedJson json = {{"id", webhook.id},
                      {"url", webhook.url},
                      {"secret", webhook.secret},
                      {"events", webhook.events},
                      {"enabled", webhook.enabled},
                      {"description", nullptr},
                      {"inserted_at", webhook.inserted_at},
                      {"updated_at", webhook.updated_at}};
  if (webhook.description) json["description"] = *webhook.description;
  return json;
}

std::string read_url(const Call& call, SchemaReader& body) {
  const std::string url = body.text("url", {.min = 1, .max = kUrlMax});
  if (url.empty() || url.size() > kUrlMax) return url;
  const std::string wrong = why_no_webhook_url(url, call.services.allow_private_webhooks);
  if (!wrong.empty()) body.mistake("url_parsing", "url", wrong);
  return url;
}

std::vector<std::string> read_events(SchemaReader& body) {
  std::vector<std::string> events = body.choices("events", event_names(), {.min = 1});
  std::vector<std::string> sorted = events;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end() && !body.wrong()) {
    body.mistake("value_error", "events", "Value error, Events must be unique");
  }
  return events;
}

Answer<Webhook> found_webhook(Connection& connection, const std::string& id) {
  auto webhook = TRY(store::find_webhook(connection, id));
  if (!webhook) return detail(404, fmt::format("Webhook with id `{}` not found", id));
  return std::move(*webhook);
}

Answer<Response> list(const Call& call) {
  const auto webhooks = TRY(call.database().read(store::list_webhooks));
  OrderedJson items = OrderedJson::array();
  for (const Webhook& webhook : webhooks) items.push_back(webhook_json(webhook));
  return json_response(200, {{"items", std::move(items)}});
}

Answer<Response> create(const Call& call) {
  const OrderedJson json = TRY(call.body());
  SchemaReader body(json, "body");
  Webhook webhook;
  webhook.url = read_url(call, body);
  webhook.events = read_events(body);
  webhook.description = body.text_or_null("description", {.min = 1, .max = 1000});
  TRY(body.done());
  webhook.id = domain::new_id();
  webhook.secret = auth::to_base64(domain::random_bytes(kSecretBytes));
  webhook.inserted_at = webhook.updated_at = domain::now();
  return answer_write(call.database(), [&](Connection& connection) -> Answer<Response> {
    if (TRY(store::list_webhooks(connection)).size() >= kWebhooksMax) {
      return detail(422, fmt::format("You can't create more than {} webhooks. Please delete some "
                                     "of them first",
                                     kWebhooksMax));
    }
    TRY(store::insert_webhook(connection, webhook));
    TRY(audit(connection, call, "webhook.create", webhook.id, {{"url", webhook.url}}));
    return json_response(201, webhook_json(webhook));
  });
}

Answer<Response> change(const Call& call) {
  const std::string id = TRY(call.path_id("webhook_id"));
  const OrderedJson json = TRY(call.body());
  SchemaReader body(json, "body");
  std::optional<std::string> url;
  std::optional<std::vector<std::string>> events;
  if (body.given("url")) url = read_url(call, body);
  if (body.given("events")) events = read_events(body);
  const auto enabled = body.boolean_or_null("enabled");
  const bool sets_description = body.has("description");
  const auto description = body.text_or_null("description", {.min = 1, .max = 1000});
  body.not_null({"url", "events", "enabled"});
  TRY(body.done());
  return answer_write(call.database(), [&](Connection& connection) -> Answer<Response> {
    Webhook webhook = TRY(found_webhook(connection, id));
    if (url) webhook.url = *url;
    if (events) webhook.events = *events;
    if (enabled) webhook.enabled = *enabled;
    if (sets_description) webhook.description = description;
    webhook.updated_at = domain::now();
    TRY(store::update_webhook(connection, webhook));
    TRY(audit(connection, call, "webhook.update", id, {{"url", webhook.url}}));
    return json_response(200, webhook_json(webhook));
  });
}

Answer<Response> remove(const Call& call) {
  const std::string id = TRY(call.path_id("webhook_id"));
  return answer_write(call.database(), [&](Connection& connection) -> Answer<Response> {
    const Webhook webhook = TRY(found_webhook(connection, id));
    TRY(store::delete_webhook(connection, id));
    TRY(audit(connection, call, "webhook.delete", id, {{"url", webhook.url}}));
    return json_response(200, webhook_json(webhook));
  });
}

Answer<Response> ping(const Call& call) {
  const std::string id = TRY(call.path_id("webhook_id"));
  return answer_write(call.database(), [&](Connection& connection) -> Answer<Response> {
    const Webhook webhook = TRY(found_webhook(connection, id));
    TRY(send_event(connection, webhook.id, "ping",
                   {{"agent", "attune"}, {"version", call.services.version}}));
    return http::empty_response(204);
  });
}

}  // namespace

void add_webhook_endpoints(Endpoints& endpoints) {
  const auto add = [&](Method method, const char* path, const char* summary, auto handle,
                       OrderedJson schema) {
    endpoints.push_back({method, path, Access::kOwners, summary, handle, std::move(schema)});
  };
  add(Method::kGet, "/api/v1/webhooks", "All webhooks", list, {{"response", "Webhooks"}});
  add(Method::kPost, "/api/v1/webhooks", "Tell an address of events", create,
      {{"body", "WebhookCreate"}, {"response", "Webhook"}, {"status", 201}});
  add(Method::kPatch, "/api/v1/webhooks/{webhook_id}", "Change a webhook", change,
      {{"body", "WebhookUpdate"}, {"response", "Webhook"}});
  add(Method::kDelete, "/api/v1/webhooks/{webhook_id}", "Delete a webhook", remove,
      {{"response", "Webhook"}});
  add(Method::kPost, "/api/v1/webhooks/{webhook_id}/ping", "Send a webhook the event `ping`",
      ping, {{"status", 204}});
}

}  // namespace attune::api
