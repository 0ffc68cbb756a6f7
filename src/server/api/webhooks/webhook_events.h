// Events that become deliveries of webhooks, in the write that made them happen.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "server/api/events.h"

namespace attune::api {

// The events of the contract, in the order of its messages.
const std::vector<std::string>& event_names();

class WebhookEvents : public Events {
 public:
  Status emit(
      store::Connection& connection, std::string_view event,
      const std::function<Result<OrderedJson>(store::Connection&)>& payload) override;
};

// One message to one webhook, whatever it listens to: {"type","version":1,"timestamp","data"}.
Status send_event(store::Connection& connection, const std::string& webhook_id,
                  std::string_view event, const OrderedJson& data);

}  // namespace attune::api
