#include "engine/serve/request_queue.h"

#include <chrono>
#include <utility>

namespace attune::engine::serve {

namespace {

constexpr std::chrono::milliseconds kAskEvery{100};  // whether to give up

}  // namespace

bool RequestQueue::push(protocol::ChannelRequest request, const std::function<bool()>& give_up) {
  std::unique_lock lock(mutex_);
  const auto has_room = [&] { return closed_ || requests_.size() < capacity_; };
  while (!changed_.wait_for(lock, kAskEvery, has_room)) {
    if (give_up()) return false;
  }
  if (closed_) return false;
  requests_.push_back(std::move(request));
  changed_.notify_all();
  return true;
}

std::optional<protocol::ChannelRequest> RequestQueue::pop(bool wait) {
  std::unique_lock lock(mutex_);
  if (wait) changed_.wait(lock, [&] { return closed_ || !requests_.empty(); });
  if (closed_ || requests_.empty()) return std::nullopt;
  protocol::ChannelRequest request = std::move(requests_.front());
  requests_.pop_front();
  changed_.notify_all();
  return request;
}

void RequestQueue::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  requests_.clear();
  changed_.notify_all();
}

bool RequestQueue::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

}  // namespace attune::engine::serve
