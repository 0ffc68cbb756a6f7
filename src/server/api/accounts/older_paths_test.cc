#include "server/api/testing/accounts_fixture.h"

namespace attune::api {
namespace {

using domain::Role;
using http::Method;
using testing::Reply;

class CompatibilityTest : public testing::AccountsTest {
 protected:
  static std::vector<std::string> keys_of(const OrderedJson& object) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : object.items()) keys.push_back(key);
    return keys;
  }
};
INSTANTIATE_BOTH_DATABASES(CompatibilityTest);

TEST_P(CompatibilityTest, TheCallerIsShownWithTheKeyThatWasPresented) {
  const domain::Workspace workspace = make_workspace("argilla");
  make_user("eve", Role::kAdmin, {workspace});
  const Reply me = get("/api/me", key_of("eve"));
  ASSERT_EQ(me.status, 200) << me.text;
  EXPECT_EQ(keys_of(me.body),
            (std::vector<std::string>{"id", "first_name", "full_name", "username", "role",
                                      "workspaces", "api_key", "inserted_at", "updated_at"}));
  EXPECT_EQ(me.body["api_key"], key_of("eve"));
  EXPECT_EQ(me.body["workspaces"], OrderedJson::array({"argilla"}));
  EXPECT_EQ(get("/api/me", "").status, 401);
  EXPECT_EQ(send_raw(Method::kGet, "/api/me",
                     {{"X-Argilla-Api-Key", key_of("eve")}, {"X-Argilla-Workspace", "nowhere"}},
                     "")
                .status,
            200);
}

TEST_P(CompatibilityTest, UsersAreMadeWithWorkspacesAndTheTrueKeyIsShownOnce) {
  make_workspace("support");
  OrderedJson input = {{"first_name", "Eve"},    {"last_name", "Moore"},
                       {"username", "eve-1"},    {"role", "admin"},
                       {"password", "12345678"}, {"workspaces", {"support"}}};
  const Reply made = post("/api/users", input);
  ASSERT_EQ(made.status, 200) << made.text;
  EXPECT_EQ(made.body["full_name"], "Eve Moore");
  EXPECT_EQ(made.body["last_name"], "Moore");
  EXPECT_EQ(made.body["workspaces"], OrderedJson::array({"support"}));
  const std::string key = made.body["api_key"];
  EXPECT_EQ(get("/api/me", key).body, made.body);

  const Reply twice = post("/api/users", input);
  EXPECT_EQ(twice.status, 409);
  EXPECT_EQ(twice.text,
            R"({"detail":{"code":"argilla.api.errors::EntityAlreadyExistsError",)"
            R"("params":{"name":"eve-1","type":"User"}}})");
  input["username"] = "_eve";
  EXPECT_EQ(post("/api/users", input).mistakes(),
            R"(string_pattern_mismatch ["body","username"] String should match pattern )"
            R"('^(?!-|_)[A-za-z0-9-_]+$')");
  input["username"] = "eve-2";
  input["workspaces"] = {"nowhere"};
  EXPECT_EQ(post("/api/users", input).detail(), "Workspace 'nowhere' does not exist");
  EXPECT_EQ(get("/api/users").body.size(), 2u) << "a list without a wrapper, and nothing half made";

  const Reply deleted = remove("/api/users/" + made.body["id"].get<std::string>());
  EXPECT_EQ(deleted.status, 200);
  EXPECT_EQ(deleted.body["workspaces"], OrderedJson::array({"support"}));
  EXPECT_EQ(deleted.body["api_key"], "");
  EXPECT_EQ(get("/api/me", key).status, 401);
}

TEST_P(CompatibilityTest, WorkspacesAndMembersAnswer200AndBareLists) {
  const Reply made = post("/api/workspaces", {{"name", "extra"}});
  ASSERT_EQ(made.status, 200) << made.text;
  EXPECT_EQ(post("/api/workspaces", {{"name", "extra"}}).text,
            R"({"detail":{"code":"argilla.api.errors::EntityAlreadyExistsError",)"
            R"("params":{"name":"extra","type":"Workspace"}}})");
  EXPECT_EQ(post("/api/workspaces", {{"name", "Extra"}}).status, 422);
  EXPECT_EQ(get("/api/workspaces").body, OrderedJson::array({made.body}));

  make_user("eve", Role::kAdmin);
  const std::string members =
      "/api/workspaces/" + made.body["id"].get<std::string>() + "/users";
  const Reply joined = post(members + "/" + user("eve").id, nullptr);
  ASSERT_EQ(joined.status, 200) << joined.text;
  EXPECT_EQ(joined.body["workspaces"], OrderedJson::array({"extra"}));
  EXPECT_EQ(get(members).body.size(), 1u);
  const Reply left = remove(members + "/" + user("eve").id);
  EXPECT_EQ(left.status, 200);
  EXPECT_EQ(left.body["workspaces"], OrderedJson::array());
}

TEST_P(CompatibilityTest, VersionsAreThoseOfTheContract) {
  EXPECT_EQ(get("/api/_info", "").body["version"], "1.29.1");
  EXPECT_EQ(get("/api/_info", "").body["attune"], "0.0.0-test");
  EXPECT_EQ(get("/api/_status", "").status, 200);
  EXPECT_EQ(get("/api/v1/version", "").body["version"], "2.8.0");
  EXPECT_EQ(get("/api/v1/status", "").body["search_engine"]["name"],
            on_sqlite() ? "SQLite" : "PostgreSQL");
  EXPECT_GT(get("/api/v1/status", "").body["memory"]["resident_bytes"].get<int64_t>(), 1 << 20);
  EXPECT_EQ(get("/api/v1/settings", "").text,
            R"({"argilla":{"share_your_progress_enabled":false}})");
}

TEST_P(CompatibilityTest, OtherProvidersOfLoginsAreRefusedInSoManyWords) {
  EXPECT_EQ(get("/api/v1/oauth2/providers", "").text, R"({"items":[]})");
  for (const char* step : {"authentication", "access-token"}) {
    const Reply reply =
        get("/api/v1/oauth2/providers/huggingface/" + std::string(step) + "?code=x", "");
    EXPECT_EQ(reply.status, 404);
    EXPECT_NE(reply.detail().find("no login through other providers"), std::string::npos);
  }
}

TEST_P(CompatibilityTest, OldTaskPathsAreJsonToo) {
  const Reply reply = get("/api/datasets/old/TextClassification:search");
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(reply.text, R"({"detail":"Not Found"})");
}

}  // namespace
}  // namespace attune::api
