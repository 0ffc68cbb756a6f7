#include "server/http/stream_pipe.h"

#include <algorithm>

namespace attune::http {

void StreamPipe::signal(bool& woken) {
  if (!std::exchange(woken, true)) wake_();
}

bool StreamPipe::write(std::string_view piece) {
  std::unique_lock lock(mutex_);
  while (!piece.empty()) {
    room_.wait(lock, [this] { return closed_ || bytes_.size() < kPipeBytes; });
    if (closed_) return false;
    const size_t size = std::min(piece.size(), kPipeBytes - bytes_.size());
    bytes_.append(piece.substr(0, size));
    piece.remove_prefix(size);
    signal(woken_);
  }
  return !closed_;
}

bool StreamPipe::stopping() const {
  std::lock_guard lock(mutex_);
  return closed_ || stopping_;
}

void StreamPipe::finish(bool whole) {
  std::lock_guard lock(mutex_);
  finished_ = true;
  whole_ = whole;
  signal(woken_);
}

StreamPipe::Taken StreamPipe::take() {
  std::lock_guard lock(mutex_);
  woken_ = false;
  Taken taken{std::move(bytes_), finished_, whole_};
  bytes_.clear();
  room_.notify_one();
  return taken;
}

void StreamPipe::stop() {
  std::lock_guard lock(mutex_);
  stopping_ = true;
}

void StreamPipe::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  bytes_.clear();
  room_.notify_all();
}

}  // namespace attune::http
