// For tests: every endpoint on a fresh data base of each kind, called without a socket.
//
//   class FieldsTest : public api::testing::AccountsTest {};
//   TEST_P(FieldsTest, HaveNames) {
//     const Reply reply = post("/api/v1/datasets", {{"name", "d"}, {"workspace_id", id}});
//     EXPECT_EQ(reply.status, 201) << reply.text;
//     EXPECT_EQ(get("/api/v1/me", key_of("ann")).body["username"], "ann");
//   }
//   INSTANTIATE_BOTH_DATABASES(FieldsTest);
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/api/endpoints.h"
#include "server/api/webhooks/webhook_events.h"
#include "server/auth/accounts.h"
#include "server/http/router.h"
#include "tests/support/both_databases.h"

namespace attune::api::testing {

struct Reply {
  int status = 0;
  OrderedJson body;  // null where the text is no JSON
  std::string text;
  http::Headers headers;

  // "detail" of a refusal, as text.
  std::string detail() const;
  // The mistakes of a 422 of the schema, "type loc msg" each on a line.
  std::string mistakes() const;
};

// Takes a streamed body in memory; after `writes_most` writes the client is gone.
class KeptBody : public http::BodyWriter {
 public:
  bool write(std::string_view piece) override {
    text += piece;
    return ++writes < writes_most;
  }
  bool stopping() const override { return writes >= writes_most; }
  std::string text;
  int writes = 0, writes_most = 1 << 30;
};

using HeaderLines = std::vector<std::pair<std::string, std::string>>;

class AccountsTest : public store::testing::BothDatabases {
 protected:
  void SetUp() override;

  // Calls as the owner `owner`, who is there from the start, or with the key that is given ("" for
  // none). `path` may have a query.
  Reply get(const std::string& path) { return send(http::Method::kGet, path, owner_key()); }
  Reply get(const std::string& path, const std::string& key) {
    return send(http::Method::kGet, path, key);
  }
  Reply post(const std::string& path, const OrderedJson& body) {
    return send(http::Method::kPost, path, owner_key(), body);
  }
  Reply post(const std::string& path, const OrderedJson& body, const std::string& key) {
    return send(http::Method::kPost, path, key, body);
  }
  Reply patch(const std::string& path, const OrderedJson& body) {
    return send(http::Method::kPatch, path, owner_key(), body);
  }
  Reply put(const std::string& path, const OrderedJson& body) {
    return send(http::Method::kPut, path, owner_key(), body);
  }
  Reply remove(const std::string& path) {
    return send(http::Method::kDelete, path, owner_key());
  }
  // A body of null is none.
  Reply send(http::Method method, const std::string& path, const std::string& key,
             const OrderedJson& body = nullptr);
  // Anything: the body as it is, headers as they are. A streamed answer is kept whole.
  Reply send_raw(http::Method method, const std::string& path, const HeaderLines& headers,
                 const std::string& body);

  const std::string& owner_key() const { return keys_.at("owner"); }
  const std::string& key_of(const std::string& username) const { return keys_.at(username); }
  const domain::User& user(const std::string& username) const { return users_.at(username); }
  // A user with the password "12345678" and an API key of the scope `admin`; a member of the
  // workspaces.
  domain::User make_user(const std::string& username, domain::Role role,
                         const std::vector<domain::Workspace>& workspaces = {});
  domain::Workspace make_workspace(const std::string& name);

  auth::Accounts& accounts() { return *accounts_; }
  Services& services() { return services_; }
  const http::Router& router() const { return *router_; }
  // The clock of sessions, keys and throttling; it stands still.
  void pass_s(int64_t seconds) { *clock_us_ += seconds * 1'000'000; }
  int64_t clock_us() const { return *clock_us_; }
  // Other options of accounts than the defaults, from here on.
  void use_accounts(auth::AccountOptions options);

 private:
  std::shared_ptr<int64_t> clock_us_;
  std::unique_ptr<auth::Accounts> accounts_;
  WebhookEvents events_;
  Services services_;
  std::optional<http::Router> router_;
  std::map<std::string, std::string> keys_;
  std::map<std::string, domain::User> users_;
};

}  // namespace attune::api::testing
