#include "server/api/dispatch.h"

#include <stdexcept>

#include "server/api/testing/accounts_fixture.h"

namespace attune::api {
namespace {

using http::Method;
using testing::HeaderLines;
using testing::Reply;

class DispatchTest : public testing::AccountsTest {};
INSTANTIATE_BOTH_DATABASES(DispatchTest);

constexpr const char* kUnauthorized =
    R"({"detail":{"code":"argilla.api.errors::UnauthorizedError","params":{"detail":"Could not )"
    R"(validate credentials"}}})";

TEST_P(DispatchTest, WithoutCredentialsNobodyIsKnown) {
  EXPECT_EQ(get("/api/v1/me", "").status, 401);
  EXPECT_EQ(get("/api/v1/me", "").text, kUnauthorized);
  EXPECT_EQ(get("/api/v1/me", "wrong").text, kUnauthorized);
  const Reply token =
      send_raw(Method::kGet, "/api/v1/me", {{"Authorization", "Bearer wrong"}}, "");
  EXPECT_EQ(token.status, 401);
  EXPECT_EQ(token.detail(), "Invalid token");
  const Reply cookie =
      send_raw(Method::kGet, "/api/v1/me", {{"Cookie", "attune_session=wrong"}}, "");
  EXPECT_EQ(cookie.text, kUnauthorized);
  EXPECT_EQ(get("/api/v1/version", "wrong").status, 200) << "public: credentials do not matter";
}

TEST_P(DispatchTest, UnknownPathsAndMethodsAreAnsweredAsTheContractDoes) {
  const Reply path = get("/api/v1/nothing");
  EXPECT_EQ(path.status, 404);
  EXPECT_EQ(path.text, R"({"detail":"Not Found"})");
  const Reply method = put("/api/v1/me", OrderedJson::object());
  EXPECT_EQ(method.status, 405);
  EXPECT_EQ(method.text, R"({"detail":"Method Not Allowed"})");
}

TEST_P(DispatchTest, IdsOfThePathAreChecked) {
  const Reply reply = get("/api/v1/workspaces/abc");
  EXPECT_EQ(reply.status, 422);
  EXPECT_EQ(reply.mistakes(),
            R"(uuid_parsing ["path","workspace_id"] Input should be a valid UUID, invalid )"
            "length: expected length 32 for simple format, found 3");
  EXPECT_EQ(get("/api/v1/users/None").status, 422);
}

TEST_P(DispatchTest, ABodyThatIsNoJsonIsAMistakeOfTheBody) {
  const HeaderLines headers = {{"X-Argilla-Api-Key", owner_key()}};
  const Reply none = send_raw(Method::kPost, "/api/v1/workspaces", headers, "");
  EXPECT_EQ(none.mistakes(), R"(missing ["body"] Field required)");
  const Reply broken = send_raw(Method::kPost, "/api/v1/workspaces", headers, R"({"name": )");
  EXPECT_EQ(broken.status, 422);
  EXPECT_NE(broken.mistakes().find("json_invalid"), std::string::npos) << broken.text;
  std::string deep(100'000, '[');
  EXPECT_EQ(send_raw(Method::kPost, "/api/v1/workspaces", headers, deep).status, 422);
}

TEST(BodyLimit, IsSmallWithoutCredentials) {
  const auto limit = [](const std::string& name, const std::string& value) {
    http::Request head;
    head.headers.add(name, value);
    return body_limit_of(head, 1 << 20).bytes;
  };
  EXPECT_EQ(limit("Host", "localhost"), kStrangersBodyBytes);
  EXPECT_EQ(limit("Authorization", "Basic YTpi"), kStrangersBodyBytes);
  EXPECT_EQ(limit("Cookie", "theme=dark"), kStrangersBodyBytes);
  EXPECT_EQ(limit("x-argilla-api-key", "key"), 1U << 20);
  EXPECT_EQ(limit("Authorization", "Bearer token"), 1U << 20);
  EXPECT_EQ(limit("Cookie", "theme=dark; attune_session=s"), 1U << 20);
  EXPECT_NE(body_limit_of({}, 1 << 20).text.find("X-Argilla-Api-Key"), std::string::npos);
}

TEST_P(DispatchTest, WhatAHandlerThrowsIsAnsweredWithoutItsText) {
  const Endpoints endpoints = {
      {Method::kGet, "/throws", Access::kPublic, "", [](const Call&) -> Answer<http::Response> {
         throw std::runtime_error("a secret of the inside");
       }},
      {Method::kGet, "/fails", Access::kPublic, "", [](const Call&) -> Answer<http::Response> {
         return Error(ErrorCode::kInternal, "SQL of the inside");
       }}};
  const http::Router own = make_router(services(), endpoints);
  for (const char* path : {"/throws", "/fails"}) {
    http::Request request;
    request.path = path;
    const http::Response response = own.dispatch(request);
    EXPECT_EQ(response.status, 500);
    EXPECT_NE(response.body.find("argilla.api.errors::GenericServerError"), std::string::npos);
    EXPECT_EQ(response.body.find("inside"), std::string::npos) << response.body;
  }
}

TEST_P(DispatchTest, ErrorsOfTheLayersBelowGetTheStatusThatFits) {
  const auto status = [](ErrorCode code) { return Failure(Error(code, "text")).status; };
  EXPECT_EQ(status(ErrorCode::kNotFound), 404);
  EXPECT_EQ(status(ErrorCode::kConflict), 409);
  EXPECT_EQ(status(ErrorCode::kInvalidInput), 422);
  EXPECT_EQ(status(ErrorCode::kUnsupported), 422);
  EXPECT_EQ(status(ErrorCode::kUnavailable), 503);
  EXPECT_EQ(status(ErrorCode::kIo), 500);
  EXPECT_EQ(to_line(Failure(Error(ErrorCode::kNotFound, "text")).body), R"({"detail":"text"})");
}

// Every route, every role: who is nobody gets 401, a role that the table does not admit gets 403,
// and one that it admits gets anything but these two from the table (what depends on a workspace
// is in the tests of the endpoints).
TEST_P(DispatchTest, EveryRouteAdmitsTheRolesOfItsTable) {
  const std::vector<std::pair<std::string, domain::Role>> people = {
      {"own2", domain::Role::kOwner},
      {"adm", domain::Role::kAdmin},
      {"rev", domain::Role::kReviewer},
      {"ann", domain::Role::kAnnotator}};
  for (const auto& [name, role] : people) make_user(name, role);
  const Endpoints table = all_endpoints();
  ASSERT_EQ(table.size(), router().routes().size());
  size_t refused = 0, admitted = 0;
  for (const Endpoint& endpoint : table) {
    std::string path = endpoint.path;
    for (size_t at = path.find('{'); at != std::string::npos; at = path.find('{')) {
      path.replace(at, path.find('}') - at + 1, "00000000-0000-4000-8000-000000000000");
    }
    const std::string route = std::string(http::to_string(endpoint.method)) + " " + endpoint.path;
    const OrderedJson body = endpoint.method == Method::kGet ? OrderedJson(nullptr)
                                                             : OrderedJson::object();
    if (endpoint.access != Access::kPublic) {
      EXPECT_EQ(send(endpoint.method, path, "", body).status, 401) << route;
      EXPECT_EQ(send(endpoint.method, path, "wrong", body).status, 401) << route;
    }
    for (const auto& [name, role] : people) {
      const Reply reply = send(endpoint.method, path, key_of(name), body);
      EXPECT_LT(reply.status, 500) << route << " " << name << ": " << reply.text;
      if (endpoint.access == Access::kPublic) continue;
      if (admits(endpoint.access, role)) {
        ++admitted;
        EXPECT_NE(reply.status, 401) << route << " " << name;
        if (role != domain::Role::kOwner) continue;
        EXPECT_NE(reply.status, 403) << route << ": " << reply.text;
      } else {
        ++refused;
        EXPECT_EQ(reply.status, 403) << route << " " << name << ": " << reply.text;
        EXPECT_EQ(reply.detail(), "Operation not allowed") << route;
      }
    }
  }
  EXPECT_GT(refused, 50u);
  EXPECT_GT(admitted, 50u);
}

// What only owners may do, written down a second time on purpose: a route that moves between roles
// by accident fails here.
TEST_P(DispatchTest, AdministrationIsForOwners) {
  for (const Endpoint& endpoint : all_endpoints()) {
    const std::string& path = endpoint.path;
    const bool changes = endpoint.method != Method::kGet;
    const bool members = path.find("/workspaces/{workspace_id}/users") != std::string::npos;
    const bool is_users = path.starts_with("/api/v1/users") || path.starts_with("/api/users") ||
                          path.starts_with("/api/attune/v1/users");
    const bool is_workspaces = changes && !members &&
                               (path.starts_with("/api/v1/workspaces") ||
                                path.starts_with("/api/workspaces"));
    const bool adds_member = members && endpoint.method == Method::kPost;
    const bool owners = is_users || is_workspaces || adds_member ||
                        path.find("/webhooks") != std::string::npos ||
                        path.ends_with("/audit");
    EXPECT_EQ(owners ? endpoint.access : Access::kOwners, Access::kOwners) << path;
  }
}

}  // namespace
}  // namespace attune::api
