#include "server/api/testing/accounts_fixture.h"

#include "server/api/dispatch.h"
#include "server/http/target.h"
#include "server/store/users.h"

namespace attune::api::testing {

std::string Reply::detail() const {
  if (!body.is_object() || !body.contains("detail")) return "(no detail) " + text;
  const OrderedJson& detail = body["detail"];
  if (detail.is_string()) return detail.get<std::string>();
  if (detail.contains("params") && detail["params"].contains("detail")) {
    return detail["params"]["detail"].get<std::string>();
  }
  return to_line(detail);
}

std::string Reply::mistakes() const {
  std::string lines;
  if (!body.is_object() || !body["detail"].is_object()) return "(no mistakes) " + text;
  for (const OrderedJson& error : body["detail"]["params"]["errors"]) {
    if (!lines.empty()) lines += "\n";
    lines += error["type"].get<std::string>() + " " + to_line(error["loc"]) + " " +
             error["msg"].get<std::string>();
  }
  return lines;
}

void AccountsTest::SetUp() {
  BothDatabases::SetUp();
  if (IsSkipped()) return;
  clock_us_ = std::make_shared<int64_t>(domain::now_us());
  services_.database = &database();
  services_.events = &events_;
  services_.version = "0.0.0-test";
  use_accounts({});
  router_.emplace(make_router(services_, all_endpoints()));
  make_user("owner", domain::Role::kOwner);
}

void AccountsTest::use_accounts(auth::AccountOptions options) {
  options.password_cost = {.memory_kib = 64, .passes = 1};  // the cheapest: tests hash a lot
  options.clock_us = [clock = clock_us_] { return *clock; };
  accounts_ = std::make_unique<auth::Accounts>(database(), std::move(options));
  services_.accounts = accounts_.get();
}

domain::User AccountsTest::make_user(const std::string& username, domain::Role role,
                                     const std::vector<domain::Workspace>& workspaces) {
  const std::string now = domain::now();
  const domain::User user{domain::new_id(), username, username, std::nullopt, role, now, now};
  const std::string hash = accounts_->hash_password("12345678").value();
  const auto key = auth::Accounts::new_key(user.id, "test", auth::Scope::kAdmin, std::nullopt);
  const Status made = database().write([&](store::Connection& connection) -> Status {
    TRY(store::insert_user(connection, user, hash));
    TRY(store::insert_api_key(connection, key.key));
    for (const auto& workspace : workspaces) {
      TRY(store::insert_member(connection, workspace.id, user.id));
    }
    return {};
  });
  EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message());
  keys_[username] = key.secret;
  users_[username] = user;
  return user;
}

domain::Workspace AccountsTest::make_workspace(const std::string& name) {
  const std::string now = domain::now();
  const domain::Workspace workspace{domain::new_id(), name, now, now};
  const Status made = database().write([&](store::Connection& connection) {
    return store::insert_workspace(connection, workspace);
  });
  EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message());
  return workspace;
}

Reply AccountsTest::send(http::Method method, const std::string& path, const std::string& key,
                         const OrderedJson& body) {
  HeaderLines headers;
  if (!key.empty()) headers.emplace_back("X-Argilla-Api-Key", key);
  if (!body.is_null()) headers.emplace_back("Content-Type", "application/json");
  return send_raw(method, path, headers, body.is_null() ? "" : to_line(body));
}

Reply AccountsTest::send_raw(http::Method method, const std::string& path,
                             const HeaderLines& headers, const std::string& body) {
  const Result<http::Target> target = http::parse_target(path);
  EXPECT_TRUE(target.ok()) << path;
  http::Request request;
  request.method = method;
  request.path = target.value().path;
  request.query = target.value().query;
  for (const auto& [name, value] : headers) request.headers.add(name, value);
  request.body = body;
  request.remote_address = "192.0.2.1";
  request.id = "test-request";
  const http::Response response = router_->dispatch(request);
  Reply reply;
  reply.status = response.status;
  reply.text = response.body;
  reply.headers = response.headers;
  if (response.stream) {
    KeptBody kept;
    response.stream(kept);
    reply.text = kept.text;
  }
  if (Result<OrderedJson> json = parse_ordered_json(reply.text); json.ok()) {
    reply.body = std::move(json).value();
  }
  return reply;
}

}  // namespace attune::api::testing
