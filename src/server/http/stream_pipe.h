// What a streamed body goes through: a handler's thread writes, the server's thread takes. Holds at
// most kPipeBytes; the writer waits while it is full (back-pressure of a slow client).
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "server/http/message.h"

namespace attune::http {

inline constexpr size_t kPipeBytes = 256 << 10;

class StreamPipe : public BodyWriter {
 public:
  // `wake` is called, from the writing thread, when there is something to take.
  explicit StreamPipe(std::function<void()> wake) : wake_(std::move(wake)) {}

  bool write(std::string_view piece) override;
  bool stopping() const override;

  // The writer's end: no more comes; not `whole` when the body was cut by a failure.
  void finish(bool whole);

  // The server's end: all that is there (its wake is called again for what comes later).
  struct Taken {
    std::string bytes;
    bool finished = false, whole = false;  // nothing comes behind these bytes
  };
  Taken take();
  void stop();   // asks an endless stream to end
  void close();  // the client is gone: write() is false from now on

 private:
  void signal(bool& woken);

  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::function<void()> wake_;
  std::string bytes_;
  bool woken_ = false;  // the server knows that there is something to take
  bool finished_ = false, whole_ = false, closed_ = false, stopping_ = false;
};

}  // namespace attune::http
