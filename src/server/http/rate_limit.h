// How many requests one key (an address, an API key) may make: a token bucket for each. A bucket
// holds `burst` tokens, refills at `per_second`, and a request takes one.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace attune::http {

struct RateLimit {
  double per_second = 0;  // 0: no limit
  double burst = 1;
  size_t keys = 100'000;  // remembered; the one not seen for longest is forgotten first
};

// Thread-safe. Times only grow.
class RateLimiter {
 public:
  explicit RateLimiter(RateLimit limit) : limit_(limit) {}

  // 0 when the request may pass, else the milliseconds until one of that key may. What is refused
  // takes no token.
  int64_t wait_ms(std::string_view key, int64_t now_ms);

 private:
  struct Bucket {
    std::string key;
    double tokens;
    int64_t filled_ms;
  };
  using Buckets = std::list<Bucket>;  // the last seen first

  const RateLimit limit_;
  std::mutex mutex_;
  Buckets buckets_;
  std::unordered_map<std::string_view, Buckets::iterator> by_key_;  // views into the list
};

}  // namespace attune::http
