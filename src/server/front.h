// What every request passes on its way to its handler and back: the client's address behind a
// proxy, rate limits, headers that keep browsers from guessing, the access log, the counts.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "server/http/message.h"
#include "server/http/rate_limit.h"
#include "server/metrics.h"

namespace attune::server {

struct FrontOptions {
  // The last address of X-Forwarded-For is the client's, where the request comes from a proxy on
  // this machine. Without it that header is what anybody may write, and is not looked at.
  bool behind_proxy = false;
  bool access_log = true;
  // Programs on this machine (and not behind the proxy) are not limited.
  http::RateLimit per_address = {}, per_key = {};
  std::function<int64_t()> clock_us = {};  // tests put their own here
};

// Thread-safe.
class Front {
 public:
  Front(FrontOptions options, Metrics& metrics);

  http::Response pass(http::Request& request,
                      const std::function<http::Response(http::Request&)>& next);

 private:
  // Milliseconds until the client may ask again, 0 for now.
  int64_t wait_ms(const http::Request& request, int64_t now_ms);
  void log(const http::Request& request, const http::Response& response, double seconds) const;

  const FrontOptions options_;
  Metrics& metrics_;
  http::RateLimiter by_address_, by_key_;
};

}  // namespace attune::server
