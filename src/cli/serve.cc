// attune serve: the feedback server, until SIGTERM or SIGINT.
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "base/log.h"
#include "cli/command.h"
#include "server/feedback_server.h"

namespace attune::cli {
namespace {

using server::FeedbackServer;
using server::FeedbackServerOptions;

recipes::Recipe table() {
  using namespace recipes;
  return {"serve",
          "attune serve",
          "Serves the feedback server: projects, records, answers; Argilla's SDK works against it.",
          {
              string("data_dir", "attune-data", "where its data lies; made when absent"),
              string("host", "127.0.0.1", "address to listen on; 0.0.0.0 for all"),
              integer("port", 6900, 0, "port to listen on; 0 for a free one"),
              string("database_url", nullptr,
                     "postgresql://USER@HOST/NAME; default: SQLite within data_dir"),
              string("dev_api_key", nullptr,
                     "a fixed key of the owner `argilla`, for development on this machine alone, "
                     "so not with behind_proxy"),
              string("tls_certificate", nullptr, "PEM file; needs tls_key"),
              string("tls_key", nullptr, "PEM file; needs tls_certificate"),
              boolean("behind_proxy", false,
                      "a reverse proxy on this machine sends X-Forwarded-For and speaks TLS"),
              boolean("access_log", true, "one line for each request on standard error"),
              integer("threads", 64, 1, "requests handled at once"),
              integer("connections", 4096, 1, "open at once; further ones are answered 503"),
              integer("body_mb", 256, 1, "the most of one request, in MiB"),
              real("rate_per_address", 1000.0, 0.0, std::nullopt,
                   "requests each second of an address beyond this machine; 0: no limit"),
              real("rate_per_key", 1000.0, 0.0, std::nullopt,
                   "requests each second of an API key or session beyond this machine; 0: no "
                   "limit"),
              boolean("allow_private_webhooks", false,
                      "webhooks may call addresses inside the network"),
              string("metrics_token", nullptr,
                     "who sends it as a bearer token may read /metrics from other machines"),
              integer("drain_seconds", 10, 0, "for requests under way when the server stops"),
          }};
}

std::string text_or_empty(const Json& config, const char* name) {
  return config[name].is_null() ? "" : config[name].get<std::string>();
}

http::RateLimit rate_limit(const Json& config, const char* name) {
  const double per_second = config[name].get<double>();
  return {.per_second = per_second, .burst = std::max(2 * per_second, 1.0)};
}

FeedbackServerOptions options_of(const Json& config) {
  FeedbackServerOptions options;
  options.data_dir = config["data_dir"].get<std::string>();
  options.database_url = text_or_empty(config, "database_url");
  options.dev_api_key = text_or_empty(config, "dev_api_key");
  options.metrics_token = text_or_empty(config, "metrics_token");
  options.allow_private_webhooks = config["allow_private_webhooks"].get<bool>();
  options.version = kVersion;
  options.drain_ms = config["drain_seconds"].get<int64_t>() * 1000;
  options.front.behind_proxy = config["behind_proxy"].get<bool>();
  options.front.access_log = config["access_log"].get<bool>();
  options.front.per_address = rate_limit(config, "rate_per_address");
  options.front.per_key = rate_limit(config, "rate_per_key");
  options.http.address = config["host"].get<std::string>();
  options.http.port = config["port"].get<int>();
  options.http.threads = config["threads"].get<int>();
  options.http.limits.connections = config["connections"].get<size_t>();
  options.http.limits.body_bytes = config["body_mb"].get<size_t>() << 20;
  options.http.limits.buffered_bytes =
      std::max(options.http.limits.buffered_bytes, 2 * options.http.limits.body_bytes);
  options.http.certificate_path = text_or_empty(config, "tls_certificate");
  options.http.key_path = text_or_empty(config, "tls_key");
  return options;
}

std::atomic<FeedbackServer*> stopped_by_signal = nullptr;

// The first signal lets requests finish; a second one does not wait for them.
void on_signal(int) {
  FeedbackServer* server = stopped_by_signal.exchange(nullptr);
  if (server == nullptr) std::_Exit(1);
  server->stop();
}

void stop_on_signals(FeedbackServer& server) {
  stopped_by_signal = &server;
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigfillset(&action.sa_mask);
  for (int signal : {SIGTERM, SIGINT}) sigaction(signal, &action, nullptr);
}

// A connection is a file to the system, and the usual soft limit is 1024.
void allow_many_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

Status run_serve(Arguments arguments) {
  if (arguments.take_switch("help")) {
    std::fputs(recipes::to_help(table()).c_str(), stdout);
    return {};
  }
  const Json config = TRY(resolve_flags(table(), arguments));
  if (config["port"].get<int64_t>() > 65535) return usage_error("--port: at most 65535");
  allow_many_files();
  auto server = TRY(FeedbackServer::open(options_of(config)));
  stop_on_signals(*server);
  fmt::print("Attune serves {}\n", server->address());
  if (const std::string link = server->setup_link(); !link.empty()) {
    fmt::print("There is nobody yet: make the owner's account at {}\n", link);
  }
  std::fflush(stdout);
  const Status served = server->run();
  stopped_by_signal = nullptr;
  log_info("stopped");
  return served;
}

}  // namespace attune::cli
