#include "server/api/settings_cache.h"

#include "server/api/dispatch.h"
#include "server/api/testing/api_fixture.h"
#include "server/store/datasets.h"
#include "server/store/settings.h"
#include "server/store/users.h"

namespace attune::api {
namespace {

using domain::json;
using http::Method;

// A second server on the data base, with a memory of its own. What the first one changes counts
// here with the next request, however much was kept.
class SecondServer {
 public:
  explicit SecondServer(std::unique_ptr<store::Database> database)
      : database_(std::move(database)),
        accounts_(*database_, {.password_cost = {.memory_kib = 64, .passes = 1}}) {
    services_.database = database_.get();
    services_.events = &events_;
    services_.accounts = &accounts_;
    router_.emplace(make_router(services_, all_endpoints()));
  }

  http::Response send(Method method, const std::string& path, const std::string& key,
                      const OrderedJson& body = nullptr) {
    http::Request request;
    request.method = method;
    request.path = path;
    request.headers.add("X-Argilla-Api-Key", key);
    if (!body.is_null()) request.body = to_line(body);
    return router_->dispatch(request);
  }
  Services& services() { return services_; }

 private:
  std::unique_ptr<store::Database> database_;
  auth::Accounts accounts_;
  WebhookEvents events_;
  Services services_;
  std::optional<http::Router> router_;
};

class SettingsCacheTest : public testing::ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    if (IsSkipped()) return;
    other_.emplace(open_again());
    for (const auto& one : upsert(R"([{"fields":{"text":"one"}},{"fields":{"text":"two"}},)"
                                  R"({"fields":{"text":"three"}}])")) {
      records_.push_back(one["id"].get<std::string>());
    }
    // Both servers know ann and the data set by now.
    ASSERT_EQ(answer(0).status, 201);
  }
  http::Response answer(size_t record, const OrderedJson& more = OrderedJson::object()) {
    OrderedJson values = {
        {"rank", {{"value", json(R"([{"value":"a"},{"value":"b"},{"value":"c"}])")}}}};
    values.update(more);
    return other_->send(Method::kPost, "/api/v1/records/" + records_[record] + "/responses",
                        key_of("ann"), {{"status", "submitted"}, {"values", values}});
  }
  template <typename F>
  void write(F&& body) {
    const Status done = database().write(body);
    ASSERT_TRUE(done.ok()) << done.error().message();
  }

  std::optional<SecondServer> other_;
  std::vector<std::string> records_;
};

TEST_P(SettingsCacheTest, ARevokedKeyIsWorthNothingElsewhereAtOnce) {
  const auto keys = get("ann", "/api/attune/v1/me/keys").body["items"];
  ASSERT_EQ(keys.size(), 1U);
  EXPECT_EQ(answer(1).status, 201);
  ASSERT_LT(del("ann", "/api/attune/v1/keys/" + keys[0]["id"].get<std::string>()).status, 300);
  EXPECT_EQ(answer(2).status, 401);
  EXPECT_EQ(get("ann", "/api/v1/me").status, 401);
}

TEST_P(SettingsCacheTest, ADeletedUserIsNobodyElsewhereAtOnce) {
  ASSERT_EQ(del("owner", "/api/v1/users/" + ids_["ann"]).status, 200);
  EXPECT_EQ(answer(1).status, 401);
}

TEST_P(SettingsCacheTest, AnotherRoleCountsElsewhereAtOnce) {
  const std::string path = "/api/v1/datasets/" + schema_.dataset.id + "/records";
  const OrderedJson body = {{"items", json(R"([{"fields":{"text":"new"}}])")}};
  EXPECT_EQ(other_->send(Method::kPost, path + "/bulk", key_of("ann"), body).status, 403);
  domain::User ann = user("ann");
  ann.role = domain::Role::kAdmin;
  write([&](store::Connection& c) { return store::update_user(c, ann); });
  EXPECT_EQ(other_->send(Method::kPost, path + "/bulk", key_of("ann"), body).status, 201);
  ann.role = domain::Role::kAnnotator;
  write([&](store::Connection& c) { return store::update_user(c, ann); });
  EXPECT_EQ(other_->send(Method::kPost, path + "/bulk", key_of("ann"), body).status, 403);
}

TEST_P(SettingsCacheTest, WhoIsNoMemberAnyMoreIsRefusedElsewhereAtOnce) {
  const std::string next = "/api/attune/v1/datasets/" + schema_.dataset.id + "/next";
  EXPECT_EQ(other_->send(Method::kPost, next, key_of("ann")).status, 200);
  const std::string& workspace = schema_.dataset.workspace_id;
  write([&](store::Connection& c) { return store::delete_member(c, workspace, ids_["ann"]); });
  EXPECT_EQ(answer(1).status, 403);
  EXPECT_EQ(other_->send(Method::kPost, next, key_of("ann")).status, 403);
  write([&](store::Connection& c) { return store::insert_member(c, workspace, ids_["ann"]); });
  EXPECT_EQ(answer(1).status, 201);
}

TEST_P(SettingsCacheTest, ChangedQuestionsAndRulesCountElsewhereAtOnce) {
  domain::Question stars = *domain::question_named(schema_, "stars");
  stars.required = true;
  write([&](store::Connection& c) { return store::update_settings(c, stars); });
  EXPECT_EQ(answer(1).status, 422);
  EXPECT_EQ(answer(1, {{"stars", {{"value", 1}}}}).status, 201);
  EXPECT_EQ(get("lead", "/api/v1/records/" + records_[1]).body["status"], "completed");
  domain::Dataset dataset = schema_.dataset;
  dataset.min_submitted = 2;
  write([&](store::Connection& c) { return store::update_dataset(c, dataset); });
  EXPECT_EQ(answer(2, {{"stars", {{"value", 1}}}}).status, 201);
  EXPECT_EQ(get("lead", "/api/v1/records/" + records_[2]).body["status"], "pending");
}

TEST_P(SettingsCacheTest, ANewWebhookHearsTheNextAnswerElsewhere) {
  const auto count = [&] {
    return database()
        .read([](store::Connection& c) {
          return c.run("SELECT event FROM webhook_deliveries ORDER BY number");
        })
        .value();
  };
  EXPECT_EQ(count().size(), 0U);
  ASSERT_EQ(post("owner", "/api/v1/webhooks",
                 {{"url", "https://example.com/hook"},
                  {"events", {"response.created", "record.completed"}}})
                .status,
            201);
  ASSERT_EQ(answer(1).status, 201);
  const store::Rows told = count();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].text(0), "response.created");
  EXPECT_EQ(told[1].text(0), "record.completed");
}

TEST_P(SettingsCacheTest, NewGuidelinesStampTheNextAnswerElsewhere) {
  ASSERT_EQ(patch("lead", "/api/v1/datasets/" + schema_.dataset.id, {{"guidelines", "Be kind."}})
                .status,
            200);
  ASSERT_EQ(answer(1).status, 201);
  const store::Rows rows =
      database()
          .read([](store::Connection& c) {
            return c.run("SELECT COALESCE(guideline_version, 0) FROM response_history "
                         "ORDER BY number");
          })
          .value();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].integer(0), 0);
  EXPECT_EQ(rows[1].integer(0), 1);
}

// A write that changes settings reads what nobody else may ever see.
TEST_P(SettingsCacheTest, WhatAWriteReadsAfterItsOwnChangeIsNotKept) {
  SettingsCache& cache = other_->services().settings;
  store::Database& database = *other_->services().database;
  const std::string& id = schema_.dataset.id;
  domain::Question stars = *domain::question_named(schema_, "stars");
  stars.title = "of a write that failed";
  const Status refused = database.write([&](store::Connection& c) -> Status {
    TRY(store::update_settings(c, stars));
    SettingsSnapshot inside = TRY(cache.at(c));
    EXPECT_EQ(domain::question_named(TRY(inside.dataset(id))->schema, "stars")->title, stars.title);
    return invalid_input("taken back");
  });
  ASSERT_FALSE(refused.ok());
  // Another change brings the number to where it stood in there.
  domain::Question note = *domain::question_named(schema_, "note");
  note.title = "of a write that was kept";
  write([&](store::Connection& c) { return store::update_settings(c, note); });
  ASSERT_EQ(answer(1).status, 201);
  const auto title = database.read([&](store::Connection& c) -> Result<std::string> {
    SettingsSnapshot now = TRY(cache.at(c));
    return domain::question_named(TRY(now.dataset(id))->schema, "stars")->title;
  });
  EXPECT_EQ(title.value(), "stars");
}

INSTANTIATE_BOTH_DATABASES(SettingsCacheTest);

}  // namespace
}  // namespace attune::api
