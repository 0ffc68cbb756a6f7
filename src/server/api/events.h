// What happened, for webhooks: call `emit` inside the write that made it happen, so that an event
// is stored exactly when the change is. Delivery is another thread's work
// (webhooks/webhook_delivery.h).
//
//   TRY(events.emit(connection, "record.created", [&](store::Connection& inside) {
//     return record_payload(inside, record);
//   }));
#pragma once

#include <functional>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "server/store/database.h"

namespace attune::api {

// Thread-safe.
class Events {
 public:
  virtual ~Events() = default;
  // `payload` is asked for once, and only where somebody listens to the event: it may cost queries
  // on `connection`. An error of it or of the store is the write's error.
  virtual Status emit(store::Connection& connection, std::string_view event,
                      const std::function<Result<OrderedJson>(store::Connection&)>& payload) = 0;
};

}  // namespace attune::api
