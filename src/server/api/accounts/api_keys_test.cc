#include "server/api/testing/accounts_fixture.h"
#include "server/auth/secrets.h"

namespace attune::api {
namespace {

using domain::Role;
using http::Method;
using testing::Reply;

class ApiKeysTest : public testing::AccountsTest {
 protected:
  Reply make_key(const OrderedJson& input, const std::string& presented) {
    return send(Method::kPost, "/api/attune/v1/me/keys", presented, input);
  }
};
INSTANTIATE_BOTH_DATABASES(ApiKeysTest);

TEST_P(ApiKeysTest, AKeyIsShownOnceAndStoredAsAHash) {
  const Reply made = make_key({{"name", "laptop"}}, owner_key());
  ASSERT_EQ(made.status, 201) << made.text;
  const std::string key = made.body["api_key"];
  EXPECT_TRUE(key.starts_with("attune_"));
  EXPECT_EQ(key.size(), 50u);
  EXPECT_EQ(made.body["prefix"], key.substr(0, 12));
  EXPECT_EQ(made.body["scope"], "write") << "the least that annotates";
  EXPECT_EQ(get("/api/v1/me", key).status, 200);
  const Reply list = get("/api/attune/v1/me/keys");
  EXPECT_EQ(list.body["items"].size(), 2u);
  EXPECT_EQ(list.text.find(key), std::string::npos);
  const auto stored = database().read(
      [](store::Connection& c) { return c.run("SELECT hash FROM api_keys ORDER BY inserted_at"); });
  EXPECT_EQ(stored.value()[1].text(0), auth::hash_of(key));
}

TEST_P(ApiKeysTest, ScopesBoundWhatAnOwnersKeyMayDo) {
  const auto key = [&](const char* scope) {
    const Reply made = make_key({{"name", scope}, {"scope", scope}}, owner_key());
    EXPECT_EQ(made.status, 201) << made.text;
    return made.body["api_key"].get<std::string>();
  };
  const std::string read = key("read"), write = key("write"), admin = key("admin");
  const domain::Workspace workspace = make_workspace("w");
  const OrderedJson dataset = {{"name", "d"}, {"workspace_id", workspace.id}};
  for (const std::string& each : {read, write, admin}) {
    EXPECT_EQ(get("/api/v1/me", each).status, 200);
  }
  const Reply refused = post("/api/v1/datasets", dataset, read);
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.detail(), "This API key has the scope `read`; the call needs `write`");
  EXPECT_EQ(post("/api/v1/datasets", dataset, write).status, 201);
  EXPECT_EQ(post("/api/v1/workspaces", {{"name", "x"}}, write).status, 403);
  EXPECT_EQ(post("/api/v1/workspaces", {{"name", "x"}}, admin).status, 201);
  EXPECT_EQ(make_key({{"name", "up"}, {"scope", "admin"}}, write).status, 403)
      << "no key makes a stronger one";
  EXPECT_EQ(make_key({{"name", "same"}, {"scope", "write"}}, write).status, 201);
  EXPECT_EQ(make_key({{"name", "any"}, {"scope", "read"}}, read).status, 403);
}

TEST_P(ApiKeysTest, ExpireAndAreRevoked) {
  const Reply made = make_key({{"name", "a day"}, {"expires_in_days", 1}}, owner_key());
  ASSERT_EQ(made.status, 201) << made.text;
  const std::string key = made.body["api_key"];
  EXPECT_FALSE(made.body["expires_at"].is_null());
  pass_s(24 * 3600 - 60);
  EXPECT_EQ(get("/api/v1/me", key).status, 200);
  pass_s(120);
  EXPECT_EQ(get("/api/v1/me", key).status, 401);

  const Reply other = make_key({{"name", "phone"}}, owner_key());
  const std::string path = "/api/attune/v1/keys/" + other.body["id"].get<std::string>();
  make_user("ann", Role::kAnnotator);
  EXPECT_EQ(send(Method::kDelete, path, key_of("ann")).status, 404) << "not hers to know of";
  EXPECT_EQ(remove(path).status, 204);
  EXPECT_EQ(remove(path).status, 404);
  EXPECT_EQ(get("/api/v1/me", other.body["api_key"]).status, 401);
  EXPECT_EQ(make_key({{"name", "x"}, {"expires_in_days", 0}}, owner_key()).status, 422);
  EXPECT_EQ(make_key({{"name", "x"}, {"expires", 1}}, owner_key()).status, 422) << "mistyped";
}

TEST_P(ApiKeysTest, OwnersMakeKeysForOthers) {
  const domain::User ann = make_user("ann", Role::kAnnotator);
  const std::string path = "/api/attune/v1/users/" + ann.id + "/keys";
  const Reply made = post(path, {{"name", "from the lead"}, {"scope", "read"}});
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(get("/api/v1/me", made.body["api_key"]).body["username"], "ann");
  EXPECT_EQ(get(path).body["items"].size(), 2u);
  EXPECT_EQ(get(path, key_of("ann")).status, 403);
  EXPECT_EQ(post("/api/attune/v1/users/" + domain::new_id() + "/keys", {{"name", "n"}}).status,
            404);
}

TEST_P(ApiKeysTest, LastUseIsWrittenDownNowAndThen) {
  const auto last_used = [&] {
    return get("/api/attune/v1/me/keys").body["items"][0]["last_used_at"];
  };
  EXPECT_EQ(last_used(), domain::format_time(clock_us())) << "the first use";
  const int64_t first = clock_us();
  pass_s(599);
  EXPECT_EQ(last_used(), domain::format_time(first)) << "reading does not cost a write each time";
  pass_s(1);
  EXPECT_EQ(last_used(), domain::format_time(clock_us()));
}

}  // namespace
}  // namespace attune::api
