// What the server counts of its requests, as Prometheus reads it (text format 0.0.4). Thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "server/http/message.h"
#include "server/http/server.h"

namespace attune::server {

class Metrics {
 public:
  // One request that was answered. Paths are counted by the pattern of their route, so that their
  // number stays small whatever clients ask for; "" is what matched none.
  void count(http::Method method, std::string_view route, int status, double seconds);

  std::string text(const http::ServerCounts& counts, std::string_view version) const;

 private:
  // Upper ends in seconds; the last bucket has none.
  static constexpr std::array<double, 11> kBuckets = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                      0.1,   0.25,   0.5,   1,    5};
  struct Times {
    std::array<int64_t, kBuckets.size() + 1> counts{};
    double seconds = 0;
  };
  using Place = std::pair<std::string, std::string>;  // method and route

  mutable std::mutex mutex_;
  std::map<std::pair<Place, int>, int64_t> requests_;  // by status too
  std::map<Place, Times> times_;
};

}  // namespace attune::server
