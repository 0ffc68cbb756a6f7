#include <set>

#include "server/api/testing/accounts_fixture.h"
#include "server/store/audit.h"
#include "server/store/users.h"

namespace attune::api {
namespace {

using domain::Role;
using http::Method;
using testing::Reply;

class UsersTest : public testing::AccountsTest {
 protected:
  OrderedJson ann() {
    return {{"first_name", "Ann"}, {"username", "ann"}, {"password", "12345678"}};
  }
};
INSTANTIATE_BOTH_DATABASES(UsersTest);

// The texts are those recorded from the contract's server (probe-2.8.0).
TEST_P(UsersTest, MadeUsersHaveTheContractsShapeAndAWorkingKey) {
  const Reply made = post("/api/v1/users", ann());
  ASSERT_EQ(made.status, 201) << made.text;
  std::vector<std::string> keys;
  for (const auto& [key, value] : made.body.items()) keys.push_back(key);
  EXPECT_EQ(keys, (std::vector<std::string>{"id", "first_name", "last_name", "username", "role",
                                            "api_key", "inserted_at", "updated_at"}));
  EXPECT_EQ(made.body["role"], "annotator");
  EXPECT_TRUE(made.body["last_name"].is_null());
  EXPECT_EQ(made.body["inserted_at"], made.body["updated_at"]);

  const std::string key = made.body["api_key"];
  const Reply me = get("/api/v1/me", key);
  ASSERT_EQ(me.status, 200);
  EXPECT_EQ(me.body, made.body) << "with the key that was presented";
  const Reply seen = get("/api/v1/users/" + made.body["id"].get<std::string>());
  EXPECT_EQ(seen.body["api_key"], "") << "nobody else ever sees it";
  EXPECT_EQ(get("/api/v1/users").text.find(key), std::string::npos);
}

TEST_P(UsersTest, MistakesAreSaidAsRecorded) {
  EXPECT_EQ(post("/api/v1/users", ann()).status, 201);
  const Reply twice = post("/api/v1/users", ann());
  EXPECT_EQ(twice.status, 409);
  EXPECT_EQ(twice.text, R"({"detail":"User username `ann` is not unique"})");

  OrderedJson input = ann();
  input["username"] = "bob";
  input["password"] = "short";
  EXPECT_EQ(post("/api/v1/users", input).mistakes(),
            R"(string_too_short ["body","password"] String should have at least 8 characters)");
  input["password"] = nullptr;
  EXPECT_EQ(post("/api/v1/users", input).status, 422);
  input["password"] = "12345678";
  input["role"] = "boss";
  EXPECT_EQ(post("/api/v1/users", input).mistakes(),
            R"(enum ["body","role"] Input should be 'owner', 'admin' or 'annotator')");
  input["role"] = nullptr;
  input["first_name"] = "  ";
  EXPECT_EQ(post("/api/v1/users", input).mistakes(),
            R"(string_too_short ["body","first_name"] String should have at least 1 character)");
  input["first_name"] = " Bob ";
  input["id"] = user("owner").id;
  EXPECT_EQ(post("/api/v1/users", input).status, 409) << "an id that is taken";
  input["id"] = nullptr;
  const Reply made = post("/api/v1/users", input);
  EXPECT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.body["first_name"], "Bob");
  const std::string unknown = "4f770f39-d176-4da7-bf1f-230ed4b334cc";
  EXPECT_EQ(get("/api/v1/users/" + unknown).text,
            R"({"detail":"User with id `4f770f39-d176-4da7-bf1f-230ed4b334cc` not found"})");
}

TEST_P(UsersTest, NamesAreOnesThatCanLogIn) {
  const OrderedJson good = {
      {"username", std::string(200, 'x')}, {"first_name", "X"}, {"password", "12345678"}};
  const Reply made = post("/api/v1/users", good);
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(post("/api/attune/v1/session", good).status, 422) << "of other keys";
  EXPECT_EQ(post("/api/attune/v1/session",
                 {{"username", good["username"]}, {"password", "12345678"}})
                .status,
            201);
  const std::string path = "/api/v1/users/" + made.body["id"].get<std::string>();
  for (const std::string& name : {std::string(201, 'x'), std::string("a\nb"),
                                  std::string("\u202enimda")}) {
    OrderedJson wrong = good;
    wrong["username"] = name;
    EXPECT_EQ(post("/api/v1/users", wrong).status, 422) << name;
    EXPECT_EQ(patch(path, {{"username", name}}).status, 422) << name;
  }
}

TEST_P(UsersTest, AreListedInTheOrderOfMaking) {
  for (const char* name : {"c", "a", "b"}) {
    OrderedJson input = ann();
    input["username"] = name;
    EXPECT_EQ(post("/api/v1/users", input).status, 201);
  }
  std::vector<std::string> names;
  const Reply all = get("/api/v1/users");
  for (const auto& item : all.body["items"]) names.push_back(item["username"]);
  EXPECT_EQ(names, (std::vector<std::string>{"owner", "c", "a", "b"}));
}

TEST_P(UsersTest, AChangeSetsWhatItNames) {
  const std::string id = post("/api/v1/users", ann()).body["id"];
  const std::string path = "/api/v1/users/" + id;
  const Reply changed = patch(path, {{"username", "anna"}, {"last_name", "Bo"}, {"role", "admin"}});
  ASSERT_EQ(changed.status, 200) << changed.text;
  EXPECT_EQ(changed.body["username"], "anna");
  EXPECT_EQ(changed.body["first_name"], "Ann");
  EXPECT_EQ(changed.body["last_name"], "Bo");
  EXPECT_EQ(changed.body["role"], "admin");
  EXPECT_GT(changed.body["updated_at"], changed.body["inserted_at"]);
  EXPECT_EQ(get(path).body, changed.body);
  EXPECT_TRUE(patch(path, {{"last_name", nullptr}}).body["last_name"].is_null());
  const Reply taken = patch(path, {{"username", "owner"}});
  EXPECT_EQ(taken.status, 422);
  EXPECT_EQ(taken.detail(), "Username 'owner' already exists");
  EXPECT_EQ(patch(path, {{"username", nullptr}}).mistakes(),
            R"(value_error ["body"] Value error, The following keys must have non-null values: )"
            "username");
  // As the client sends a whole user back: keys that are not ours to set are ignored.
  EXPECT_EQ(patch(path, changed.body).status, 200);
}

TEST_P(UsersTest, ReviewersAreAnnotatorsToTheContractAndStayReviewers) {
  OrderedJson input = ann();
  input["attune_role"] = "reviewer";
  const Reply made = post("/api/v1/users", input);
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.body["role"], "annotator");
  EXPECT_EQ(made.body["attune_role"], "reviewer");
  const std::string path = "/api/v1/users/" + made.body["id"].get<std::string>();
  const Reply same = patch(path, {{"first_name", "Anne"}, {"role", "annotator"}});
  EXPECT_EQ(same.body["attune_role"], "reviewer") << "a client of the contract sends back its role";
  EXPECT_EQ(patch(path, {{"attune_role", "annotator"}}).body.contains("attune_role"), false);
  EXPECT_EQ(patch(path, {{"attune_role", "boss"}}).status, 422);
}

TEST_P(UsersTest, DeletingAUserTakesTheKeyAndLeavesTheData) {
  const domain::Workspace workspace = make_workspace("w");
  const domain::User person = make_user("ann", Role::kAnnotator, {workspace});
  const Status answered = database().write([&](store::Connection& c) -> Status {
    TRY(c.run("INSERT INTO responses (id, record, dataset, user_id, status, response_values, "
              "inserted_at, updated_at) VALUES ('r', 1, 1, $1, 'submitted', '{}', 't', 't')",
              {person.id}));
    return {};
  });
  ASSERT_TRUE(answered.ok()) << answered.error().message();
  const Reply deleted = remove("/api/v1/users/" + person.id);
  ASSERT_EQ(deleted.status, 200) << deleted.text;
  EXPECT_EQ(deleted.body["username"], "ann");
  EXPECT_EQ(get("/api/v1/me", key_of("ann")).status, 401);
  EXPECT_EQ(remove("/api/v1/users/" + person.id).status, 404);
  const auto counts = database().read([&](store::Connection& c) {
    return c.run("SELECT (SELECT count(*) FROM responses), (SELECT count(*) FROM api_keys), "
                 "(SELECT count(*) FROM workspace_users)");
  });
  ASSERT_TRUE(counts.ok());
  EXPECT_EQ(counts.value()[0].integer(0), 1) << "the answer stays";
  EXPECT_EQ(counts.value()[0].integer(1), 1) << "the owner's key";
  EXPECT_EQ(counts.value()[0].integer(2), 0);
}

TEST_P(UsersTest, TheLastOwnerStays) {
  const std::string path = "/api/v1/users/" + user("owner").id;
  EXPECT_EQ(remove(path).status, 409);
  EXPECT_EQ(patch(path, {{"role", "admin"}}).status, 409);
  make_user("second", Role::kOwner);
  EXPECT_EQ(patch(path, {{"role", "admin"}}).status, 200);
  EXPECT_EQ(get("/api/v1/users").status, 403) << "at once";
}

TEST_P(UsersTest, ShowTheWorkspacesOfAUser) {
  const domain::Workspace one = make_workspace("one");
  make_workspace("two");
  make_user("ann", Role::kAnnotator, {one});
  const auto names = [&](const std::string& id) {
    std::vector<std::string> all;
    const Reply reply = get("/api/v1/users/" + id + "/workspaces");
    for (const auto& item : reply.body["items"]) all.push_back(item["name"]);
    return all;
  };
  EXPECT_EQ(names(user("ann").id), std::vector<std::string>{"one"});
  EXPECT_EQ(names(user("owner").id), (std::vector<std::string>{"one", "two"}));
}

TEST_P(UsersTest, WhatWasDoneStandsInTheAuditLog) {
  const std::string id = post("/api/v1/users", ann()).body["id"];
  patch("/api/v1/users/" + id, {{"password", "another one"}});
  remove("/api/v1/users/" + id);
  const Reply log = get("/api/attune/v1/audit?subject=" + id);
  ASSERT_EQ(log.status, 200) << log.text;
  std::vector<std::string> actions;
  for (const auto& item : log.body["items"]) actions.push_back(item["action"]);
  EXPECT_EQ(actions, (std::vector<std::string>{"user.delete", "user.update", "user.create"}));
  const OrderedJson& update = log.body["items"][1];
  EXPECT_EQ(update["user_id"], user("owner").id);
  EXPECT_EQ(update["remote_address"], "192.0.2.1");
  EXPECT_EQ(update["request_id"], "test-request");
  EXPECT_EQ(update["detail"]["password_changed"], true);
  EXPECT_EQ(log.text.find("another one"), std::string::npos);
  EXPECT_EQ(get("/api/attune/v1/audit?limit=1").body["items"].size(), 1u);
  EXPECT_EQ(get("/api/attune/v1/audit?limt=1").status, 422);
}

TEST_P(UsersTest, NamesThatLookLikeSqlAreNames) {
  OrderedJson input = ann();
  const std::string name = "x'; DROP TABLE users; -- {{7*7}} <script>";
  input["username"] = name;
  const Reply made = post("/api/v1/users", input);
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(get("/api/v1/users").body["items"][1]["username"], name);
}

}  // namespace
}  // namespace attune::api
