#include "server/auth/throttle.h"

#include <algorithm>
#include <utility>

namespace attune::auth {
namespace {

// Beyond this many names the old ones are looked through, so that memory stays bounded.
constexpr size_t kCountsKept = 10'000;

}  // namespace

Throttle::Throttle(ThrottleRule rule, std::function<int64_t()> clock_us)
    : rule_(rule), clock_us_(std::move(clock_us)) {}

int64_t Throttle::open_at(const Count& count, int free_tries) const {
  if (count.failures < free_tries) return 0;
  const int doublings = std::min(count.failures - free_tries, 30);
  const int64_t wait = std::min(rule_.first_wait_us << doublings, rule_.longest_wait_us);
  return count.last_us + wait;
}

int64_t Throttle::wait_s(const std::string& name, const std::string& address) {
  const std::lock_guard lock(mutex_);
  const int64_t now = clock_us_();
  int64_t open = 0;
  if (auto found = names_.find(name); found != names_.end()) {
    open = open_at(found->second, rule_.free_by_name);
  }
  if (auto found = addresses_.find(address); found != addresses_.end()) {
    open = std::max(open, open_at(found->second, rule_.free_by_address));
  }
  return open <= now ? 0 : (open - now + 999'999) / 1'000'000;
}

void Throttle::failed(const std::string& name, const std::string& address) {
  const std::lock_guard lock(mutex_);
  const int64_t now = clock_us_();
  if (names_.size() + addresses_.size() > kCountsKept) forget_old(now);
  for (Count* count : {&names_[name], &addresses_[address]}) {
    if (now - count->last_us > rule_.longest_wait_us) count->failures = 0;
    ++count->failures;
    count->last_us = now;
  }
}

void Throttle::succeeded(const std::string& name) {
  const std::lock_guard lock(mutex_);
  names_.erase(name);
}

void Throttle::forget_old(int64_t now_us) {
  const auto old = [&](const auto& entry) {
    return now_us - entry.second.last_us > rule_.longest_wait_us;
  };
  std::erase_if(names_, old);
  std::erase_if(addresses_, old);
}

}  // namespace attune::auth
