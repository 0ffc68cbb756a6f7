// What the people and programs ask who keep the server running: /healthz (it answers), /readyz (its
// data base does too), /metrics. None of them needs credentials; /metrics is for this machine, or
// for who knows the token.
#pragma once

#include <functional>
#include <string>

#include "server/api/endpoint.h"
#include "server/http/server.h"
#include "server/metrics.h"

namespace attune::server {

struct Operation {
  const Metrics* metrics = nullptr;
  std::function<http::ServerCounts()> counts;
  std::function<bool()> draining;
  std::string metrics_token;  // "": only programs on this machine may read /metrics
};

// What `operation` points to outlives the endpoints.
void add_operation_endpoints(api::Endpoints& endpoints, const Operation& operation);

}  // namespace attune::server
