// The endpoints of records over a fresh data base, without a socket: requests go through the
// router, credentials included.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "server/api/dispatch.h"
#include "server/api/endpoints.h"
#include "server/auth/accounts.h"
#include "server/domain/schema_fixture.h"
#include "tests/support/both_databases.h"
#include "server/store/test_dataset.h"
#include "server/store/users.h"

namespace attune::api::testing {

struct Reply {
  int status = 0;
  OrderedJson body;  // null where the text is no JSON
  std::string text;
  http::Headers headers;
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

// A workspace with a published data set of every kind (domain/schema_fixture.h), an owner, an admin
// and the annotators ann and bob as members, and an admin of another workspace.
class ApiTest : public store::testing::BothDatabases {
 protected:
  void SetUp() override {
    BothDatabases::SetUp();
    if (IsSkipped()) return;
    accounts_ = std::make_unique<auth::Accounts>(database(), auth::AccountOptions{});
    services_.database = &database();
    services_.accounts = accounts_.get();
    Endpoints endpoints;
    add_record_endpoints(endpoints);
    add_record_bulk_endpoints(endpoints);
    add_search_endpoints(endpoints);
    add_response_endpoints(endpoints);
    add_suggestion_endpoints(endpoints);
    add_history_endpoints(endpoints);
    add_comment_endpoints(endpoints);
    add_export_endpoints(endpoints);
    add_hub_job_endpoints(endpoints);
    router_ = std::make_unique<http::Router>(make_router(services_, endpoints));
    schema_ = new_dataset();
    add_user("owner", domain::Role::kOwner, false);
    add_user("lead", domain::Role::kAdmin, true);
    add_user("ann", domain::Role::kAnnotator, true);
    add_user("bob", domain::Role::kAnnotator, true);
    add_user("rev", domain::Role::kReviewer, true);
    add_user("stranger", domain::Role::kAdmin, false);
  }

  domain::Schema new_dataset(domain::Schema schema = domain::schema_of_everything()) {
    return database()
        .write([&](store::Connection& c) { return store::testing::store_schema(c, schema); })
        .value();
  }

  void add_user(const std::string& name, domain::Role role, bool is_member) {
    domain::User user;
    user.id = domain::new_id();
    user.username = user.first_name = name;
    user.role = role;
    user.inserted_at = user.updated_at = domain::now();
    const auto key = auth::Accounts::new_key(user.id, "test", auth::Scope::kAdmin, std::nullopt);
    database()
        .write([&](store::Connection& c) -> Status {
          TRY(store::insert_user(c, user, ""));
          TRY(store::insert_api_key(c, key.key));
          if (!is_member) return {};
          TRY(c.run("INSERT INTO workspace_users (workspace_id, user_id, inserted_at) "
                    "VALUES ($1, $2, $3)",
                    {schema_.dataset.workspace_id, user.id, user.inserted_at}));
          return {};
        })
        .value();
    keys_[name] = key.secret;
    ids_[name] = user.id;
  }

  // `target` is a path with its query, as a client writes it (%20 and the like are not needed).
  Reply call(const std::string& as, http::Method method, const std::string& target,
             const OrderedJson& body = nullptr) {
    http::Request request;
    request.method = method;
    const size_t mark = target.find('?');
    request.path = target.substr(0, mark);
    if (mark != std::string::npos) add_query(target.substr(mark + 1), request.query);
    if (!as.empty()) request.headers.add("X-Argilla-Api-Key", keys_.at(as));
    request.headers.add("User-Agent", "test");
    if (!body.is_null()) request.body = to_line(body);
    const http::Response response = router_->dispatch(request);
    Reply reply{response.status, nullptr, response.body, response.headers};
    if (response.stream) {
      KeptBody kept;
      response.stream(kept);
      reply.text = kept.text;
    }
    auto json = parse_ordered_json(reply.text);
    if (json.ok()) reply.body = std::move(*json);
    return reply;
  }
  Reply get(const std::string& as, const std::string& target) {
    return call(as, http::Method::kGet, target);
  }
  Reply post(const std::string& as, const std::string& target, const OrderedJson& body) {
    return call(as, http::Method::kPost, target, body);
  }
  Reply put(const std::string& as, const std::string& target, const OrderedJson& body) {
    return call(as, http::Method::kPut, target, body);
  }
  Reply patch(const std::string& as, const std::string& target, const OrderedJson& body) {
    return call(as, http::Method::kPatch, target, body);
  }
  Reply del(const std::string& as, const std::string& target) {
    return call(as, http::Method::kDelete, target);
  }

  std::string records(const std::string& more = "") const {
    return "/api/v1/datasets/" + schema_.dataset.id + "/records" + more;
  }
  std::string question_id(const char* name) const {
    return domain::question_named(schema_, name)->id;
  }
  // PUT bulk as the lead; the records of the answer.
  OrderedJson upsert(const std::string& items) {
    const Reply reply = put("lead", records("/bulk"), {{"items", domain::json(items)}});
    EXPECT_EQ(reply.status, 200) << reply.text;
    return reply.status == 200 ? reply.body["items"] : OrderedJson::array();
  }

  domain::Schema schema_;
  std::map<std::string, std::string> keys_, ids_;  // by name

 private:
  static void add_query(const std::string& text, http::Query& query) {
    for (size_t from = 0; from < text.size();) {
      const size_t end = std::min(text.find('&', from), text.size());
      const size_t equals = text.find('=', from);
      query.add(text.substr(from, equals - from), text.substr(equals + 1, end - equals - 1));
      from = end + 1;
    }
  }

  std::unique_ptr<auth::Accounts> accounts_;
  Services services_;
  std::unique_ptr<http::Router> router_;
};

}  // namespace attune::api::testing
