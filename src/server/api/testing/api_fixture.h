// The endpoints of records over a fresh data base, without a socket: requests go through the
// router, credentials included.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "server/api/testing/accounts_fixture.h"
#include "server/domain/schema_fixture.h"

namespace attune::api::testing {

// A workspace with a published data set of every kind (domain/schema_fixture.h), an owner, an admin
// lead, the annotators ann and bob and the reviewer rev as members, and a stranger, an admin who is
// none.
class ApiTest : public AccountsTest {
 protected:
  void SetUp() override;

  domain::Schema new_dataset(const domain::Schema& schema = domain::schema_of_everything());

  // As a user by name, "" for nobody; `target` is a path with its query.
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

  // Somebody whom the API made.
  void know(const std::string& name, const std::string& id, const std::string& key) {
    ids_[name] = id;
    keys_[name] = key;
  }

  domain::Schema schema_;
  std::map<std::string, std::string> ids_;  // of users, by name

 private:
  std::map<std::string, std::string> keys_;
};

}  // namespace attune::api::testing
