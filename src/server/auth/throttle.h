// Slows down guessing: after a few wrong passwords for a name, or more from one address, further
// tries are refused for a while, the longer the more there were. In memory: a restart forgives, and
// each server of a fleet counts for itself. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>

namespace attune::auth {

struct ThrottleRule {
  int free_by_name = 5;       // wrong tries before the first wait
  int free_by_address = 20;   // many people may share one
  int64_t first_wait_us = 2'000'000;        // doubled with each further one
  int64_t longest_wait_us = 900'000'000;    // 15 minutes; also when a count is forgotten
};

class Throttle {
 public:
  Throttle(ThrottleRule rule, std::function<int64_t()> clock_us);

  // How many seconds to wait before the next try. 0: it is begun, and counts as a wrong one until
  // one of the three below says how it ended, since verifying takes long enough for many more to
  // come beside it. Without free tries left they are let through one at a time.
  int64_t begin(const std::string& name, const std::string& address);
  void failed(const std::string& name, const std::string& address);
  // Forgets the name's failures; the address keeps its own, or one account of the guesser's would
  // give back free tries.
  void succeeded(const std::string& name, const std::string& address);
  // Whether it was right did not come out.
  void abandoned(const std::string& name, const std::string& address);

 private:
  struct Count {
    int failures = 0;
    int begun = 0;  // and not ended
    int64_t last_us = 0;
  };
  int64_t open_at(const Count& count, int free_tries, int64_t now_us) const;
  void end(const std::string& name, const std::string& address);
  void forget_old(int64_t now_us);

  ThrottleRule rule_;
  std::function<int64_t()> clock_us_;
  std::mutex mutex_;
  std::map<std::string, Count> names_, addresses_;
};

}  // namespace attune::auth
