#include "server/api/webhooks/webhook_events.h"

#include "server/auth/secrets.h"
#include "server/domain/identity.h"
#include "server/store/webhooks.h"

namespace attune::api {

const std::vector<std::string>& event_names() {
  static const std::vector<std::string> names = {
      "dataset.created",  "dataset.updated",  "dataset.deleted",  "dataset.published",
      "record.created",   "record.updated",   "record.deleted",   "record.completed",
      "response.created", "response.updated", "response.deleted"};
  return names;
}

Status send_event(store::Connection& connection, const std::string& webhook_id,
                  std::string_view event, const OrderedJson& data) {
  const std::string now = domain::now();
  const OrderedJson body = {
      {"type", event}, {"version", 1}, {"timestamp", now + "Z"}, {"data", data}};
  store::Delivery delivery;
  delivery.webhook_id = webhook_id;
  delivery.message_id = "msg_" + auth::new_secret();
  delivery.event = event;
  delivery.body = to_line(body);
  delivery.due_at = now;
  return store::insert_delivery(connection, delivery);
}

Status WebhookEvents::emit(
    store::Connection& connection, std::string_view event,
    const std::function<Result<OrderedJson>(store::Connection&)>& payload) {
  const auto listeners = TRY(store::listeners_of(connection, event));
  if (listeners.empty()) return {};
  const OrderedJson data = TRY(payload(connection));
  for (const std::string& id : listeners) TRY(send_event(connection, id, event, data));
  return {};
}

}  // namespace attune::api
