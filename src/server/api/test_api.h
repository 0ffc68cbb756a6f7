// The endpoints of records over a fresh data base, without a socket: requests go through the
// router, credentials included.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>

#include "server/api/dispatch.h"
#include "server/api/endpoints.h"
#include "server/auth/accounts.h"
#include "server/domain/schema_fixture.h"
#include "tests/support/both_databases.h"

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
  void SetUp() override;

  domain::Schema new_dataset(const domain::Schema& schema = domain::schema_of_everything());
  void add_user(const std::string& name, domain::Role role, bool is_member);

  // `target` is a path with its query, as a client writes it (but no %20 and the like).
  Reply call(const std::string& as, http::Method method, const std::string& target,
             const OrderedJson& body = nullptr);
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
  OrderedJson upsert(const std::string& items);

  domain::Schema schema_;
  std::map<std::string, std::string> keys_, ids_;  // by name

 private:
  std::unique_ptr<auth::Accounts> accounts_;
  Services services_;
  std::unique_ptr<http::Router> router_;
};

}  // namespace attune::api::testing
