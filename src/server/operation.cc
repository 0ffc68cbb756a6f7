#include "server/operation.h"

#include <openssl/crypto.h>

#include "base/log.h"
#include "server/front.h"

namespace attune::server {
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
  return is_loopback(request.remote_address) &&
         request.headers.find("X-Forwarded-For") == nullptr &&
         request.headers.find("Forwarded") == nullptr;
}

bool shows_token(const http::Request& request, const std::string& token) {
  const std::string* given = request.headers.find("Authorization");
  const std::string expected = "Bearer " + token;
  return !token.empty() && given != nullptr && given->size() == expected.size() &&
         CRYPTO_memcmp(given->data(), expected.data(), expected.size()) == 0;
}

api::Answer<Response> ready(const api::Call& call, const Operation& operation) {
  if (operation.draining()) return plain(503, "stopping\n");
  const auto asked = call.database().read(
      [](store::Connection& connection) { return connection.run("SELECT 1"); });
  if (asked.ok()) return plain(200, "ready\n");
  log_warning("the data base does not answer: {}", asked.error().message());
  return plain(503, "the data base does not answer\n");
}

api::Answer<Response> metrics(const api::Call& call, const Operation& operation) {
  if (!is_from_here(call.request) && !shows_token(call.request, operation.metrics_token)) {
    return api::detail(403, "Metrics are for this machine, or for a client that sends "
                            "`Authorization: Bearer` with the server's --metrics_token");
  }
  Response response =
      plain(200, operation.metrics->text(operation.counts(), call.services.version));
  response.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  return response;
}

}  // namespace

void add_operation_endpoints(api::Endpoints& endpoints, const Operation& operation) {
  const auto add = [&endpoints](const char* path, const char* summary, auto handle) {
    endpoints.push_back({.method = http::Method::kGet,
                         .path = path,
                         .access = api::Access::kPublic,
                         .summary = summary,
                         .handle = handle});
  };
  add("/healthz", "Whether the server answers",
      [](const api::Call&) -> api::Answer<Response> { return plain(200, "ok\n"); });
  add("/readyz", "Whether the server can serve",
      [operation](const api::Call& call) { return ready(call, operation); });
  add("/metrics", "Counts, for Prometheus",
      [operation](const api::Call& call) { return metrics(call, operation); });
}

}  // namespace attune::server
