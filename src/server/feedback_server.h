// The feedback server as a whole: its data directory, data base, accounts, endpoints and HTTP.
//
//   auto server = TRY(FeedbackServer::open(options));
//   fmt::print("{}\n", server->address());
//   TRY(server->run());   // until server->stop()
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "server/front.h"
#include "server/http/server.h"

namespace attune::server {

struct FeedbackServerOptions {
  std::string data_dir;
  std::string database_url;   // "": SQLite within data_dir
  std::string dev_api_key;    // see auth/accounts.h
  std::string metrics_token;  // see api/health.cc
  bool allow_private_webhooks = false;  // see api/webhooks/webhook_post.h
  std::string version;
  int64_t drain_ms = 10'000;
  FrontOptions front;
  http::ServerOptions http;
};

class FeedbackServer {
 public:
  static Result<std::unique_ptr<FeedbackServer>> open(const FeedbackServerOptions& options);
  ~FeedbackServer();

  // "http://127.0.0.1:6900"
  std::string address() const;
  // Where the first owner is made; "" once there is one.
  std::string setup_link() const;
  Status run();  // see http::Server::run
  void stop();   // from any thread or a signal handler

 private:
  struct Parts;
  explicit FeedbackServer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace attune::server
