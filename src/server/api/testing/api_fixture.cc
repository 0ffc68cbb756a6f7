#include "server/api/testing/api_fixture.h"

#include "server/store/test_dataset.h"

namespace attune::api::testing {

void ApiTest::SetUp() {
  AccountsTest::SetUp();
  if (IsSkipped()) return;
  schema_ = new_dataset();
  domain::Workspace workspace;
  workspace.id = schema_.dataset.workspace_id;
  make_user("lead", domain::Role::kAdmin, {workspace});
  make_user("ann", domain::Role::kAnnotator, {workspace});
  make_user("bob", domain::Role::kAnnotator, {workspace});
  make_user("rev", domain::Role::kReviewer, {workspace});
  make_user("stranger", domain::Role::kAdmin);
  for (const char* name : {"owner", "lead", "ann", "bob", "rev", "stranger"}) {
    know(name, user(name).id, key_of(name));
  }
}

domain::Schema ApiTest::new_dataset(const domain::Schema& schema) {
  const auto write = [&](store::Connection& c) { return store::testing::store_schema(c, schema); };
  return database().write(write).value();
}

Reply ApiTest::call(const std::string& as, http::Method method, const std::string& target,
                    const OrderedJson& body) {
  HeaderLines headers = {{"User-Agent", "test"}};
  if (!as.empty()) headers.emplace_back("X-Argilla-Api-Key", keys_.at(as));
  return send_raw(method, target, headers, body.is_null() ? "" : to_line(body));
}

OrderedJson ApiTest::upsert(const std::string& items) {
  const Reply reply = put("lead", records("/bulk"), {{"items", domain::json(items)}});
  EXPECT_EQ(reply.status, 200) << reply.text;
  return reply.status == 200 ? reply.body["items"] : OrderedJson::array();
}

}  // namespace attune::api::testing
