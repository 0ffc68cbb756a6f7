#include "server/http/router.h"

#include <gtest/gtest.h>

namespace attune::http {
namespace {

Handler says(std::string text) {
  return [text](const Request& request) {
    Response response;
    response.body = text;
    for (const auto& [name, value] : request.path_values) response.body += " " + name + "=" + value;
    return response;
  };
}

Router some_router() {
  Router router;
  router.add({Method::kGet, "/", says("root")});
  router.add({Method::kGet, "/users", says("list")});
  router.add({Method::kPost, "/users", says("create")});
  router.add({Method::kGet, "/users/{user_id}", says("user")});
  router.add({Method::kDelete, "/users/{id}", says("gone")});
  router.add({Method::kGet, "/users/me", says("me")});
  router.add({Method::kGet, "/users/{user_id}/keys/{key_id}", says("key")});
  return router;
}

Response ask(const Router& router, Method method, const std::string& path) {
  Request request;
  request.method = method;
  request.path = path;
  return router.dispatch(request);
}

TEST(Router, LiteralSegmentsWinAndNamesAreFilledIn) {
  const Router router = some_router();
  EXPECT_EQ(ask(router, Method::kGet, "/").body, "root");
  EXPECT_EQ(ask(router, Method::kGet, "/users").body, "list");
  EXPECT_EQ(ask(router, Method::kPost, "/users").body, "create");
  EXPECT_EQ(ask(router, Method::kGet, "/users/me").body, "me");
  EXPECT_EQ(ask(router, Method::kGet, "/users/42").body, "user user_id=42");
  EXPECT_EQ(ask(router, Method::kDelete, "/users/42").body, "gone id=42");
  EXPECT_EQ(ask(router, Method::kGet, "/users/a b/keys/c").body, "key key_id=c user_id=a b");
}

TEST(Router, TellsThePatternThatMatched) {
  const Router router = some_router();
  Request request;
  request.path = "/users/42";
  router.dispatch(request);
  EXPECT_EQ(request.route, "/users/{user_id}");
}

TEST(Router, ALiteralThatLeadsNowhereDoesNotHideAName) {
  const Router router = some_router();
  EXPECT_EQ(ask(router, Method::kGet, "/users/me/keys/7").body, "key key_id=7 user_id=me");
  EXPECT_EQ(ask(router, Method::kDelete, "/users/me").body, "gone id=me");
}

TEST(Router, WhatIsNotThereIs404) {
  const Router router = some_router();
  for (const char* path : {"/nothing", "/users/", "/users//keys/1", "/users/1/keys", "/Users",
                           "/users/1/", "//users", "/users/1/keys/2/3"}) {
    const Response response = ask(router, Method::kGet, path);
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_EQ(response.body, R"({"detail":"Not Found"})");
  }
}

TEST(Router, AnotherMethodIs405AndNamesThoseThatAre) {
  const Router router = some_router();
  const Response response = ask(router, Method::kPut, "/users/me");
  EXPECT_EQ(response.status, 405);
  ASSERT_NE(response.headers.find("allow"), nullptr);
  EXPECT_EQ(*response.headers.find("allow"), "GET, HEAD, DELETE, OPTIONS");
}

TEST(Router, OptionsAndHeadNeedNoRoute) {
  const Router router = some_router();
  EXPECT_EQ(ask(router, Method::kHead, "/users").body, "list");
  const Response options = ask(router, Method::kOptions, "/users");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(*options.headers.find("Allow"), "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(ask(router, Method::kHead, "/users/1/keys").status, 404);
}

TEST(Router, MissesAreAnsweredAsAsked) {
  Router router = some_router();
  router.on_miss([](const Request& request, int status) {
    Response response;
    response.status = status;
    response.body = request.path;
    return response;
  });
  EXPECT_EQ(ask(router, Method::kGet, "/no").body, "/no");
  const Response refused = ask(router, Method::kPatch, "/users");
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(refused.body, "/users");
  EXPECT_NE(refused.headers.find("Allow"), nullptr);
}

TEST(Router, KeepsItsRoutesInOrder) {
  const Router router = some_router();
  ASSERT_EQ(router.routes().size(), 7U);
  EXPECT_EQ(router.routes()[3].pattern, "/users/{user_id}");
}

TEST(RouterDeathTest, TwoRoutesForOnePathAreAMistake) {
  Router router = some_router();
  EXPECT_DEATH(router.add({Method::kGet, "/users/{name}", says("again")}), "two routes");
}

TEST(Headers, NamesHaveNoCase) {
  Headers headers;
  headers.add("Accept", "a");
  headers.add("accept", "b");
  EXPECT_EQ(*headers.find("ACCEPT"), "a");
  headers.set("aCCept", "c");
  EXPECT_EQ(headers.all().size(), 1U);
  EXPECT_EQ(*headers.find("accept"), "c");
  EXPECT_EQ(headers.find("Accept-Language"), nullptr);
}

}  // namespace
}  // namespace attune::http
