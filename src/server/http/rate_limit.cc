#include "server/http/rate_limit.h"

#include <algorithm>
#include <cmath>

namespace attune::http {

int64_t RateLimiter::wait_ms(std::string_view key, int64_t now_ms) {
  if (limit_.per_second <= 0) return 0;
  std::lock_guard lock(mutex_);
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    buckets_.splice(buckets_.begin(), buckets_, found->second);
  } else {
    if (buckets_.size() >= limit_.keys) {
      by_key_.erase(buckets_.back().key);
      buckets_.pop_back();
    }
    buckets_.push_front({std::string(key), limit_.burst, now_ms});
    by_key_.emplace(buckets_.front().key, buckets_.begin());
  }
  Bucket& bucket = buckets_.front();
  const double earned = static_cast<double>(std::max<int64_t>(now_ms - bucket.filled_ms, 0)) /
                        1000 * limit_.per_second;
  bucket.tokens = std::min(limit_.burst, bucket.tokens + earned);
  bucket.filled_ms = std::max(bucket.filled_ms, now_ms);
  if (bucket.tokens >= 1) {
    bucket.tokens -= 1;
    return 0;
  }
  const double seconds = (1 - bucket.tokens) / limit_.per_second;
  return std::max<int64_t>(static_cast<int64_t>(std::ceil(seconds * 1000)), 1);
}

}  // namespace attune::http
