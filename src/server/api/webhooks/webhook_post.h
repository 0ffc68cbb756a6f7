// One HTTP POST to an address that a user wrote, within bounds: http and https only, no redirects,
// no proxy, 20 seconds, and (unless allowed) no connection to an address inside the network,
// decided at the moment of connecting.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace attune::api {

struct WebhookPost {
  std::string url, body;
  std::vector<std::pair<std::string, std::string>> headers;
  // Asked about once a second while nobody answers; once it says so, the post is broken off.
  std::function<bool()> stopping = {};
};

// The status of the answer, or why there was none. Thread-safe.
using PostFunction = std::function<Result<int>(const WebhookPost&)>;

PostFunction curl_post(bool allow_private_addresses, long timeout_ms = 20'000);

// Why `url` cannot be a webhook's address, "" where it can: not http or https, no host, a user or
// password in it, or an address inside the network (unless allowed).
std::string why_no_webhook_url(const std::string& url, bool allow_private_addresses);

}  // namespace attune::api
