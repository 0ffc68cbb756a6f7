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

int64_t Throttle::open_at(const Count& count, int free_tries, int64_t now_us) const {
  if (count.failures + count.begun < free_tries) return 0;
  int64_t open = 0;
  if (count.failures >= free_tries) {
    const int doublings = std::min(count.failures - free_tries, 30);
    open = count.last_us + std::min(rule_.first_wait_us << doublings, rule_.longest_wait_us);
  }
  return count.begun == 0 ? open : std::max(open, now_us + rule_.first_wait_us);
}

int64_t Throttle::begin(const std::string& name, const std::string& address) {
  const std::lock_guard lock(mutex_);
  const int64_t now = clock_us_();
  if (names_.size() + addresses_.size() > kCountsKept) forget_old(now);
  Count& by_name = names_[name];
  Count& by_address = addresses_[address];
  const int64_t open = std::max(open_at(by_name, rule_.free_by_name, now),
                                open_at(by_address, rule_.free_by_address, now));
  if (open > now) return (open - now + 999'999) / 1'000'000;
  ++by_name.begun;
  ++by_address.begun;
  return 0;
}

void Throttle::end(const std::string& name, const std::string& address) {
  for (Count* count : {&names_[name], &addresses_[address]}) {
    count->begun = std::max(0, count->begun - 1);
  }
}

void Throttle::failed(const std::string& name, const std::string& address) {
  const std::lock_guard lock(mutex_);
  const int64_t now = clock_us_();
  end(name, address);
  for (Count* count : {&names_[name], &addresses_[address]}) {
    if (now - count->last_us > rule_.longest_wait_us) count->failures = 0;
    ++count->failures;
    count->last_us = now;
  }
}

void Throttle::succeeded(const std::string& name, const std::string& address) {
  const std::lock_guard lock(mutex_);
  end(name, address);
  names_[name].failures = 0;
}

void Throttle::abandoned(const std::string& name, const std::string& address) {
  const std::lock_guard lock(mutex_);
  end(name, address);
}

void Throttle::forget_old(int64_t now_us) {
  const auto old = [&](const auto& entry) {
    return entry.second.begun == 0 &&
           now_us - entry.second.last_us > rule_.longest_wait_us;
  };
  std::erase_if(names_, old);
  std::erase_if(addresses_, old);
}

}  // namespace attune::auth
