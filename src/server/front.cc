#include "server/front.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <ctime>

#include "base/log.h"
#include "base/sha256.h"
#include "server/http/public_address.h"

namespace attune::server {
namespace {

int64_t monotonic_us() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

bool is_address(const std::string& text) {
  in6_addr parsed{};
  return inet_pton(AF_INET, text.c_str(), &parsed) == 1 ||
         inet_pton(AF_INET6, text.c_str(), &parsed) == 1;
}

// The last address of the last X-Forwarded-For: what stands before it is hearsay.
std::string forwarded_address(const http::Request& request) {
  std::string last;
  for (const auto& [name, value] : request.headers.all()) {
    if (http::same_name(name, "X-Forwarded-For")) last = value;
  }
  const size_t comma = last.rfind(',');
  if (comma != std::string::npos) last.erase(0, comma + 1);
  std::erase_if(last, [](char c) { return c == ' ' || c == '\t'; });
  return is_address(last) ? last : "";
}

// The credential as it came; what is limited need not be valid.
std::string credential_of(const http::Request& request) {
  for (const char* name : {"X-Argilla-Api-Key", "Authorization", "Cookie"}) {
    if (const std::string* value = request.headers.find(name)) return *value;
  }
  return "";
}

void add_default(http::Headers& headers, const char* name, const char* value) {
  if (headers.find(name) == nullptr) headers.add(name, value);
}

http::Response too_many(int64_t wait_ms) {
  http::Response response = http::json_response(
      429, {{"detail", "Too many requests; try again after the seconds of Retry-After"}});
  response.headers.add("Retry-After", std::to_string((wait_ms + 999) / 1000));
  return response;
}

}  // namespace

Front::Front(FrontOptions options, Metrics& metrics)
    : options_([&options] {
        if (!options.clock_us) options.clock_us = monotonic_us;
        return std::move(options);
      }()),
      metrics_(metrics),
      by_address_(options_.per_address),
      by_key_(options_.per_key) {}

int64_t Front::wait_ms(const http::Request& request, int64_t now_ms) {
  if (http::is_loopback(request.remote_address)) return 0;
  const int64_t wait = by_address_.wait_ms(request.remote_address, now_ms);
  if (wait > 0 || options_.per_key.per_second <= 0) return wait;
  const std::string credential = credential_of(request);
  return credential.empty() ? 0 : by_key_.wait_ms(sha256_hex(credential), now_ms);
}

http::Response Front::pass(http::Request& request,
                           const std::function<http::Response(http::Request&)>& next) {
  const int64_t begin_us = options_.clock_us();
  if (options_.behind_proxy && http::is_loopback(request.remote_address)) {
    if (std::string address = forwarded_address(request); !address.empty()) {
      request.remote_address = std::move(address);
    }
  }
  const int64_t wait = wait_ms(request, begin_us / 1000);
  http::Response response = wait > 0 ? too_many(wait) : next(request);
  add_default(response.headers, "X-Content-Type-Options", "nosniff");
  add_default(response.headers, "Referrer-Policy", "no-referrer");
  add_default(response.headers, "Content-Security-Policy",
              "default-src 'none'; frame-ancestors 'none'");
  const double seconds = static_cast<double>(options_.clock_us() - begin_us) / 1e6;
  metrics_.count(request.method, request.route, response.status, seconds);
  if (options_.access_log) log(request, response, seconds);
  return response;
}

void Front::log(const http::Request& request, const http::Response& response,
                double seconds) const {
  const std::string size = response.stream ? "stream" : std::to_string(response.body.size());
  log_info("{} {} {} {} {} {:.1f} ms {}", request.remote_address, http::to_string(request.method),
           request.path, response.status, size, seconds * 1000, request.id);
}

}  // namespace attune::server
