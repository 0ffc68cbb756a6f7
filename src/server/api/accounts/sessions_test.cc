#include "server/api/dispatch.h"
#include "server/api/testing/accounts_fixture.h"
#include "server/store/users.h"

namespace attune::api {
namespace {

using domain::Role;
using http::Method;
using testing::HeaderLines;
using testing::Reply;

class SessionsTest : public testing::AccountsTest {
 protected:
  Reply log_in(const std::string& username, const std::string& password) {
    return send(Method::kPost, "/api/attune/v1/session", "",
                {{"username", username}, {"password", password}});
  }
  Reply token(const std::string& form) {
    return send_raw(Method::kPost, "/api/v1/token",
                    {{"Content-Type", "application/x-www-form-urlencoded"}}, form);
  }
  static std::string set_cookie(const Reply& reply) {
    const std::string* line = reply.headers.find("Set-Cookie");
    return line ? *line : "";
  }
  // "attune_session=VALUE" as a browser sends it back.
  static std::string cookie(const Reply& reply) {
    const std::string line = set_cookie(reply);
    return line.substr(0, line.find(';'));
  }
};
INSTANTIATE_BOTH_DATABASES(SessionsTest);

TEST_P(SessionsTest, ATokenOpensTheApiUntilItExpires) {
  const Reply made = token("username=owner&password=12345678");
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.body["token_type"], "bearer");
  const HeaderLines bearer = {
      {"Authorization", "Bearer " + made.body["access_token"].get<std::string>()}};
  const Reply me = send_raw(Method::kGet, "/api/v1/me", bearer, "");
  EXPECT_EQ(me.status, 200);
  EXPECT_EQ(me.body["api_key"], "") << "no key was presented";
  EXPECT_EQ(send_raw(Method::kPost, "/api/v1/workspaces", bearer, R"({"name":"w"})").status, 201)
      << "no CSRF token: other sites cannot set this header";
  pass_s(24 * 3600 - 1);
  EXPECT_EQ(send_raw(Method::kGet, "/api/v1/me", bearer, "").status, 200);
  pass_s(1);
  EXPECT_EQ(send_raw(Method::kGet, "/api/v1/me", bearer, "").detail(), "Invalid token");
}

TEST_P(SessionsTest, WrongPasswordsAreAllTheSame) {
  make_user("ann", Role::kAnnotator);
  const Reply wrong = token("username=ann&password=nope");
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(wrong.detail(), "Could not validate credentials");
  EXPECT_EQ(token("username=nobody&password=nope").text, wrong.text);
  EXPECT_EQ(token("username=ann").mistakes(), R"(missing ["body","password"] Field required)");
  EXPECT_EQ(token("username=%zz").status, 422);
}

TEST_P(SessionsTest, ABrowsersSessionNeedsItsTokenToChangeAnything) {
  const Reply opened = log_in("owner", "12345678");
  ASSERT_EQ(opened.status, 201) << opened.text;
  EXPECT_EQ(opened.body["user"]["username"], "owner");
  const std::string line = set_cookie(opened);
  EXPECT_NE(line.find("; HttpOnly"), std::string::npos);
  EXPECT_NE(line.find("; SameSite=Lax"), std::string::npos);
  EXPECT_NE(line.find("; Path=/"), std::string::npos);
  EXPECT_EQ(line.find("Secure"), std::string::npos) << "without TLS";
  const HeaderLines alone = {{"Cookie", "theme=dark; " + cookie(opened)}};
  EXPECT_EQ(send_raw(Method::kGet, "/api/v1/me", alone, "").status, 200);
  const Reply forged = send_raw(Method::kPost, "/api/v1/workspaces", alone, R"({"name":"w"})");
  EXPECT_EQ(forged.status, 403);
  EXPECT_NE(forged.detail().find("X-CSRF-Token"), std::string::npos);
  HeaderLines own = alone;
  own.emplace_back("X-CSRF-Token", "wrong");
  EXPECT_EQ(send_raw(Method::kPost, "/api/v1/workspaces", own, R"({"name":"w"})").status, 403);
  own.back().second = opened.body["csrf_token"];
  EXPECT_EQ(send_raw(Method::kPost, "/api/v1/workspaces", own, R"({"name":"w"})").status, 201);
  EXPECT_EQ(send_raw(Method::kGet, "/api/attune/v1/session", alone, "").body["csrf_token"],
            opened.body["csrf_token"]);

  const Reply closed = send_raw(Method::kDelete, "/api/attune/v1/session", own, "");
  EXPECT_EQ(closed.status, 204);
  EXPECT_NE(set_cookie(closed).find("Max-Age=0"), std::string::npos);
  EXPECT_EQ(send_raw(Method::kGet, "/api/v1/me", alone, "").status, 401);
}

TEST_P(SessionsTest, AFormOfAnotherSiteLogsNobodyIn) {
  const std::string body = R"({"username":"owner","password":"12345678"})";
  const auto status = [&](const char* type) {
    return send_raw(Method::kPost, "/api/attune/v1/session", {{"Content-Type", type}}, body)
        .status;
  };
  EXPECT_EQ(status(""), 415);
  EXPECT_EQ(status("text/plain"), 415);
  EXPECT_EQ(status("TEXT/PLAIN"), 415);
  EXPECT_EQ(status("application/x-www-form-urlencoded"), 415);
  EXPECT_EQ(status("multipart/form-data; boundary=x"), 415);
  EXPECT_EQ(status("application/json"), 201);
}

TEST_P(SessionsTest, CookiesAndTokensAreNotEachOther) {
  const Reply opened = log_in("owner", "12345678");
  const std::string value = cookie(opened).substr(kSessionCookie.size() + 1);
  EXPECT_EQ(send_raw(Method::kGet, "/api/v1/me", {{"Authorization", "Bearer " + value}}, "").status,
            401)
      << "it would go round the CSRF token";
  const std::string bearer = token("username=owner&password=12345678").body["access_token"];
  EXPECT_EQ(send_raw(Method::kGet, "/api/v1/me", {{"Cookie", "attune_session=" + bearer}}, "")
                .status,
            401);
}

TEST_P(SessionsTest, UnderTlsTheCookieIsSecure) {
  use_accounts({.secure_cookies = true});
  EXPECT_NE(set_cookie(log_in("owner", "12345678")).find("; Secure"), std::string::npos);
}

TEST_P(SessionsTest, GuessingIsSlowedDownByNameAndByAddress) {
  make_user("ann", Role::kAnnotator);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(log_in("ann", "wrong").status, 401);
  const Reply later = log_in("ann", "12345678");
  EXPECT_EQ(later.status, 429) << "even with the right one";
  EXPECT_NE(later.detail().find("2 seconds"), std::string::npos) << later.detail();
  EXPECT_EQ(log_in("owner", "12345678").status, 201) << "another name";
  pass_s(2);
  EXPECT_EQ(log_in("ann", "wrong").status, 401);
  EXPECT_NE(log_in("ann", "12345678").detail().find("4 seconds"), std::string::npos);
  pass_s(4);
  EXPECT_EQ(log_in("ann", "12345678").status, 201) << "and the name's count is forgotten";
  for (int i = 0; i < 14; ++i) log_in("guess" + std::to_string(i), "wrong");
  EXPECT_EQ(log_in("owner", "12345678").status, 429) << "20 wrong ones came from this address";
}

TEST_P(SessionsTest, HashesOfAnotherCostAreRenewedAtTheNextLogin) {
  const auto hash = [&] {
    return database()
        .read([&](store::Connection& c) { return store::password_hash_of(c, user("owner").id); })
        .value();
  };
  auth::PasswordHasher older({.memory_kib = 32, .passes = 1});
  const std::string old_hash = older.hash("12345678").value();
  const Status stored = database().write([&](store::Connection& c) {
    return store::set_password(c, user("owner").id, old_hash);
  });
  ASSERT_TRUE(stored.ok());
  EXPECT_EQ(log_in("owner", "wrong").status, 401);
  EXPECT_EQ(hash(), old_hash);
  EXPECT_EQ(log_in("owner", "12345678").status, 201);
  EXPECT_TRUE(hash().starts_with("$argon2id$v=19$m=64,t=1,p=1$")) << hash();
  EXPECT_EQ(log_in("owner", "12345678").status, 201);
}

TEST_P(SessionsTest, ANewPasswordEndsOtherSessions) {
  make_user("ann", Role::kAnnotator);
  const Reply here = log_in("ann", "12345678"), elsewhere = log_in("ann", "12345678");
  const HeaderLines own = {{"Cookie", cookie(here)},
                           {"X-CSRF-Token", here.body["csrf_token"].get<std::string>()}};
  const auto change = [&](const std::string& current, const std::string& wanted) {
    return send_raw(Method::kPost, "/api/attune/v1/me/password", own,
                    to_line(OrderedJson{{"current_password", current}, {"new_password", wanted}}));
  };
  EXPECT_EQ(change("wrong", "a new password").status, 403);
  EXPECT_EQ(change("12345678", "short").status, 422);
  EXPECT_EQ(change("12345678", "a new password").status, 200);
  EXPECT_EQ(send_raw(Method::kGet, "/api/v1/me", own, "").status, 200);
  EXPECT_EQ(send_raw(Method::kGet, "/api/v1/me", {{"Cookie", cookie(elsewhere)}}, "").status, 401);
  EXPECT_EQ(log_in("ann", "12345678").status, 401);
  EXPECT_EQ(log_in("ann", "a new password").status, 201);
}

TEST_P(SessionsTest, LoginsStandInTheAuditLog) {
  log_in("owner", "12345678");
  log_in("owner", "wrong");
  const OrderedJson items = get("/api/attune/v1/audit?subject=owner").body["items"];
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0]["action"], "login.failed");
  EXPECT_EQ(items[1]["action"], "login");
}

TEST(DevelopmentKey, IsRefusedBeyondThisMachine) {
  for (const char* address : {"127.0.0.1", "127.8.8.8", "::1", "localhost"}) {
    EXPECT_TRUE(auth::check_dev_key("k", address, false).ok()) << address;
    EXPECT_FALSE(auth::check_dev_key("k", address, true).ok()) << address << " behind a proxy";
    EXPECT_TRUE(auth::check_dev_key("", address, true).ok()) << address;
  }
  for (const char* address : {"0.0.0.0", "::", "192.168.1.5", "example.org"}) {
    EXPECT_FALSE(auth::check_dev_key("k", address, false).ok()) << address;
    EXPECT_TRUE(auth::check_dev_key("", address, false).ok()) << address;
  }
}

}  // namespace
}  // namespace attune::api
