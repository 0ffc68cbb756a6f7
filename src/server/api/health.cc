// What the people and programs ask who keep the server running: /healthz (it answers), /readyz (its
// data base does too), /metrics. None of them needs credentials; /metrics is for this machine, or
// for who knows the token.
#include <openssl/crypto.h>

#include "base/log.h"
#include "server/api/endpoints.h"
#include "server/http/public_address.h"

namespace attune::api {
namespace {

using http::Response;

Response plain(int status, std::string text) {
  Response response;
  response.status = status;
  response.headers.add("Content-Type", "text/plain; charset=utf-8");
  response.headers.add("Cache-Control", "no-store");
  response.body = std::move(text);
  return response;
}

// A proxy on this machine speaks for people who are not.
bool is_from_here(const http::Request& request) {
  return http::is_loopback(request.remote_address) &&
         request.headers.find("X-Forwarded-For") == nullptr &&
         request.headers.find("Forwarded") == nullptr;
}

bool shows_token(const http::Request& request, const std::string& token) {
  const std::string* given = request.headers.find("Authorization");
  const std::string expected = "Bearer " + token;
  return !token.empty() && given != nullptr && given->size() == expected.size() &&
         CRYPTO_memcmp(given->data(), expected.data(), expected.size()) == 0;
}

Answer<Response> healthy(const Call&) { return plain(200, "ok\n"); }

Answer<Response> ready(const Call& call) {
  if (call.services.draining) return plain(503, "stopping\n");
  const auto asked = call.database().read(
      [](store::Connection& connection) { return connection.run("SELECT 1"); });
  if (asked.ok()) return plain(200, "ready\n");
  log_warning("the data base does not answer: {}", asked.error().message());
  return plain(503, "the data base does not answer\n");
}

Answer<Response> metrics(const Call& call) {
  if (!is_from_here(call.request) && !shows_token(call.request, call.services.metrics_token)) {
    return detail(403, "Metrics are for this machine, or for a client that sends "
                       "`Authorization: Bearer` with the server's --metrics_token");
  }
  Response response = plain(200, call.services.metrics_text());
  response.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  return response;
}

}  // namespace

void add_health_endpoints(Endpoints& endpoints) {
  const auto add = [&endpoints](const char* path, const char* summary, auto handle) {
    endpoints.push_back({http::Method::kGet, path, Access::kPublic, summary, handle,
                         {{"type", "text/plain"}}});
  };
  add("/healthz", "Whether the server answers", healthy);
  add("/readyz", "Whether the server can serve: 503 while it stops or has no data base", ready);
  add("/metrics", "Counts, for Prometheus; on this machine, or with the token", metrics);
}

}  // namespace attune::api
