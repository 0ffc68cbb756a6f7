// The bounded queue between the thread that reads the channel and the one that runs the model.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>

#include "protocol/channel.h"

namespace attune::engine::serve {

// Thread-safe: one side pushes, the other pops.
class RequestQueue {
 public:
  explicit RequestQueue(size_t capacity) : capacity_(capacity) {}

  // Waits while the queue is full, and asks `give_up` now and then meanwhile; false once it is
  // closed or given up.
  bool push(protocol::ChannelRequest request, const std::function<bool()>& give_up);
  // The next request. With `wait`, waits for one; nothing when there is none, or when closed.
  std::optional<protocol::ChannelRequest> pop(bool wait);
  // Drops what is queued and wakes both sides.
  void close();
  bool closed() const;

 private:
  const size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<protocol::ChannelRequest> requests_;
  bool closed_ = false;
};

}  // namespace attune::engine::serve
