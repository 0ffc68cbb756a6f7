#include "server/api/testing/accounts_fixture.h"

namespace attune::api {
namespace {

using domain::Role;
using http::Method;
using testing::Reply;

class WorkspacesTest : public testing::AccountsTest {};
INSTANTIATE_BOTH_DATABASES(WorkspacesTest);

TEST_P(WorkspacesTest, AreMadeAndSaidAsRecorded) {
  const Reply made = post("/api/v1/workspaces", {{"name", "probe"}});
  ASSERT_EQ(made.status, 201) << made.text;
  std::vector<std::string> keys;
  for (const auto& [key, value] : made.body.items()) keys.push_back(key);
  EXPECT_EQ(keys, (std::vector<std::string>{"id", "name", "inserted_at", "updated_at"}));
  const Reply twice = post("/api/v1/workspaces", {{"name", "probe"}});
  EXPECT_EQ(twice.status, 409);
  EXPECT_EQ(twice.text, R"({"detail":"Workspace name `probe` is not unique"})");
  EXPECT_EQ(post("/api/v1/workspaces", OrderedJson::object()).mistakes(),
            R"(missing ["body","name"] Field required)");
  EXPECT_EQ(post("/api/v1/workspaces", {{"name", ""}}).mistakes(),
            R"(string_too_short ["body","name"] String should have at least 1 character)");
  EXPECT_EQ(get("/api/v1/workspaces/c62bb048-1664-4905-9243-f1137ea5606b").text,
            R"({"detail":"Workspace with id `c62bb048-1664-4905-9243-f1137ea5606b` not found"})");
  const std::string path = "/api/v1/workspaces/" + made.body["id"].get<std::string>();
  EXPECT_EQ(get(path).body, made.body);
  EXPECT_EQ(remove(path).body, made.body);
  EXPECT_EQ(get(path).status, 404);
}

TEST_P(WorkspacesTest, MembersAreAddedOnceAndRemoved) {
  const domain::Workspace workspace = make_workspace("w");
  const domain::User ann = make_user("ann", Role::kAnnotator);
  const std::string path = "/api/v1/workspaces/" + workspace.id + "/users";
  EXPECT_EQ(post(path, {{"user_id", "4f770f39-d176-4da7-bf1f-230ed4b334cc"}}).text,
            R"({"detail":"User with id `4f770f39-d176-4da7-bf1f-230ed4b334cc` not found"})");
  const Reply joined = post(path, {{"user_id", ann.id}});
  EXPECT_EQ(joined.status, 201) << joined.text;
  EXPECT_EQ(joined.body["username"], "ann");
  EXPECT_EQ(joined.body["api_key"], "");
  const Reply twice = post(path, {{"user_id", ann.id}});
  EXPECT_EQ(twice.status, 409);
  EXPECT_EQ(twice.detail(), "Workspace user with workspace_id `" + workspace.id +
                                "` and user_id `" + ann.id + "` is not unique");
  EXPECT_EQ(get(path).body["items"].size(), 1u);
  EXPECT_EQ(get("/api/v1/me/workspaces", key_of("ann")).body["items"][0]["name"], "w");
  EXPECT_EQ(remove(path + "/" + ann.id).status, 200);
  EXPECT_EQ(remove(path + "/" + ann.id).status, 404);
  EXPECT_EQ(get("/api/v1/me/workspaces", key_of("ann")).body["items"].size(), 0u);
}

TEST_P(WorkspacesTest, OthersSeeTheirOwnAlone) {
  const domain::Workspace own = make_workspace("own"), other = make_workspace("other");
  make_user("adm", Role::kAdmin, {own});
  make_user("ann", Role::kAnnotator, {own});
  for (const char* name : {"adm", "ann"}) {
    EXPECT_EQ(get("/api/v1/workspaces/" + own.id, key_of(name)).status, 200);
    EXPECT_EQ(get("/api/v1/workspaces/" + other.id, key_of(name)).status, 403);
    EXPECT_EQ(get("/api/v1/workspaces/" + domain::new_id(), key_of(name)).status, 403)
        << "a refusal does not say what is there";
    EXPECT_EQ(get("/api/v1/me/workspaces", key_of(name)).body["items"].size(), 1u);
  }
  EXPECT_EQ(get("/api/v1/me/workspaces").body["items"].size(), 2u) << "an owner sees all";
  EXPECT_EQ(get("/api/v1/workspaces/" + own.id + "/users", key_of("adm")).status, 200);
  EXPECT_EQ(get("/api/v1/workspaces/" + other.id + "/users", key_of("adm")).status, 403);
  EXPECT_EQ(get("/api/v1/workspaces/" + own.id + "/users", key_of("ann")).status, 403);
  const std::string ann = "/users/" + user("ann").id;
  EXPECT_EQ(send(Method::kDelete, "/api/v1/workspaces/" + other.id + ann, key_of("adm")).status,
            403);
  EXPECT_EQ(send(Method::kDelete, "/api/v1/workspaces/" + own.id + ann, key_of("adm")).status,
            200);
}

TEST_P(WorkspacesTest, WithDataSetsTheyStay) {
  const domain::Workspace workspace = make_workspace("w");
  const Reply dataset =
      post("/api/v1/datasets", {{"name", "d"}, {"workspace_id", workspace.id}});
  ASSERT_EQ(dataset.status, 201) << dataset.text;
  const Reply refused = remove("/api/v1/workspaces/" + workspace.id);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.detail(), "Cannot delete the workspace " + workspace.id +
                                  ". This workspace has some datasets linked");
}

}  // namespace
}  // namespace attune::api
