// How long somebody who owes something may still say nothing. Not thread-safe.
#pragma once

#include <algorithm>
#include <chrono>
#include <string_view>

namespace attune::protocol {

class Patience {
 public:
  explicit Patience(int timeout_ms) : timeout_(timeout_ms) { renew(); }

  void renew() { end_ = Clock::now() + timeout_; }
  bool over() const { return Clock::now() >= end_; }
  int left_ms() const {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end_ - Clock::now());
    return static_cast<int>(std::max<std::chrono::milliseconds::rep>(left.count(), 0));
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::chrono::milliseconds timeout_;
  Clock::time_point end_{};
};

// A line that says nothing; it is passed over and is no sign of life.
inline bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace attune::protocol
