#include "server/feedback_server.h"

#include <optional>
#include <utility>

#include "server/api/dispatch.h"
#include "server/api/endpoints.h"
#include "server/api/webhooks/webhook_delivery.h"
#include "server/api/webhooks/webhook_events.h"
#include "server/auth/accounts.h"
#include "server/data_directory.h"
#include "server/metrics.h"
#include "server/store/database.h"

namespace attune::server {

// In the order of making; each uses only what stands before it.
struct FeedbackServer::Parts {
  FeedbackServerOptions options;
  std::unique_ptr<DataDirectory> directory;
  std::unique_ptr<store::Database> database;
  std::optional<auth::Accounts> accounts;
  api::WebhookEvents events;
  std::optional<api::WebhookDelivery> delivery;
  api::Services services;
  Metrics metrics;
  std::optional<Front> front;
  std::optional<http::Router> router;
  std::unique_ptr<http::Server> http;
};

namespace {

auth::AccountOptions account_options(const FeedbackServerOptions& options) {
  auth::AccountOptions wanted;
  wanted.dev_api_key = options.dev_api_key;
  wanted.secure_cookies = !options.http.certificate_path.empty() || options.front.behind_proxy;
  return wanted;
}

}  // namespace

FeedbackServer::FeedbackServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
FeedbackServer::~FeedbackServer() = default;

Result<std::unique_ptr<FeedbackServer>> FeedbackServer::open(const FeedbackServerOptions& options) {
  TRY(auth::check_dev_key(options.dev_api_key, options.http.address, options.front.behind_proxy));
  auto parts = std::make_unique<Parts>();
  Parts& made = *parts;
  made.options = options;
  made.directory = TRY(DataDirectory::open(options.data_dir));
  store::DatabaseOptions database_options;
  database_options.url = database_url_in(made.directory->path(), options.database_url);
  made.database = TRY(store::Database::open(database_options));
  made.accounts.emplace(*made.database, account_options(options));
  TRY(made.accounts->prepare());
  made.services.database = made.database.get();
  made.services.accounts = &*made.accounts;
  made.services.events = &made.events;
  made.services.allow_private_webhooks = options.allow_private_webhooks;
  made.services.version = options.version;
  made.services.metrics_token = options.metrics_token;
  made.services.metrics_text = [&made] {
    return made.metrics.text(made.http->counts(), made.services.version);
  };
  made.delivery.emplace(*made.database, api::curl_post(options.allow_private_webhooks));
  made.front.emplace(options.front, made.metrics);

  const api::Endpoints endpoints = api::all_endpoints();
  made.router.emplace(api::make_router(made.services, endpoints));
  http::ServerOptions http_options = options.http;
  http_options.body_limit = [most = options.http.limits.body_bytes](const http::Request& head) {
    return api::body_limit_of(head, most);
  };
  made.http = TRY(http::Server::listen(http_options, [&made](http::Request& request) {
    // What still stood in the queue when connections were cut: nobody waits for it.
    if (made.services.ended) return http::json_response(503, api::server_ended().body);
    return made.front->pass(
        request, [&made](http::Request& passed) { return made.router->dispatch(passed); });
  }));
  return std::unique_ptr<FeedbackServer>(new FeedbackServer(std::move(parts)));
}

std::string FeedbackServer::address() const {
  const http::ServerOptions& options = parts_->options.http;
  const bool v6 = options.address.find(':') != std::string::npos;
  const bool everywhere = options.address == "0.0.0.0" || options.address == "::";
  const std::string host = everywhere ? "localhost" : v6 ? "[" + options.address + "]"
                                                         : options.address;
  return fmt::format("{}://{}:{}", options.certificate_path.empty() ? "http" : "https", host,
                     parts_->http->port());
}

std::string FeedbackServer::setup_link() const {
  const std::string token = parts_->accounts->setup_token();
  // Behind '#' it stays in the browser: no log and no Referer header shows it.
  return token.empty() ? "" : address() + "/setup#" + token;
}

Status FeedbackServer::run() {
  parts_->delivery->start();
  const Status served = parts_->http->run(parts_->options.drain_ms);
  parts_->services.ended = true;  // who still works is waited for when `http` goes
  parts_->delivery->stop();
  return served;
}

void FeedbackServer::stop() {
  parts_->services.draining = true;
  parts_->http->stop();
}

}  // namespace attune::server
