// The first account, by the one-time link: what it takes, what it refuses, and that there is one.
#include <thread>

#include "server/api/dispatch.h"
#include "server/api/testing/accounts_fixture.h"
#include "server/store/users.h"

namespace attune::api {
namespace {

using domain::Role;
using http::Method;
using testing::HeaderLines;
using testing::Reply;

constexpr const char* kPath = "/api/attune/v1/setup";
const HeaderLines kJson = {{"Content-Type", "application/json"}};

class SetupTest : public testing::AccountsTest {
 protected:
  void SetUp() override {
    AccountsTest::SetUp();
    if (IsSkipped()) return;
    // As on the first start: nobody is there.
    const Status emptied = database().write([](store::Connection& c) -> Status {
      TRY(c.run("DELETE FROM users"));
      return {};
    });
    ASSERT_TRUE(emptied.ok());
    ASSERT_TRUE(accounts().prepare().ok());
  }
  OrderedJson body(const std::string& link_token) const {
    return {{"token", link_token}, {"username", "boss"}, {"password", "12345678"}};
  }
  OrderedJson body_with(const char* key, const OrderedJson& value) {
    OrderedJson changed = body(accounts().setup_token());
    changed[key] = value;
    return changed;
  }
  Reply send_setup(const OrderedJson& sent) { return send(Method::kPost, kPath, "", sent); }
  Reply set_up(const std::string& link_token) { return send_setup(body(link_token)); }
  Reply log_in(const std::string& username, const std::string& password) {
    return send(Method::kPost, "/api/attune/v1/session", "",
                {{"username", username}, {"password", password}});
  }
  // "attune_session=VALUE" as a browser sends it back.
  static std::string session_cookie(const Reply& reply) {
    const std::string* line = reply.headers.find("Set-Cookie");
    return line ? line->substr(0, line->find(';')) : "";
  }
  int64_t users() { return database().read(store::count_users).value(); }
};
INSTANTIATE_BOTH_DATABASES(SetupTest);

TEST_P(SetupTest, TheLinkMakesTheFirstOwnerOnce) {
  EXPECT_EQ(get("/api/attune/v1/setup", "").text, R"({"needed":true})");
  const std::string link_token = accounts().setup_token();
  ASSERT_EQ(link_token.size(), 43u);
  EXPECT_EQ(set_up("wrong").status, 403);
  const Reply made = set_up(link_token);
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.body["user"]["role"], "owner");
  EXPECT_EQ(get("/api/v1/me", made.body["user"]["api_key"]).status, 200);
  const HeaderLines own = {{"Cookie", session_cookie(made)}};
  EXPECT_EQ(send_raw(Method::kGet, "/api/v1/me", own, "").status, 200);
  EXPECT_EQ(set_up(link_token).status, 403);
  EXPECT_EQ(get("/api/attune/v1/setup", "").text, R"({"needed":false})");
}

TEST_P(SetupTest, OfTwoServersOneSetsUp) {
  auth::Accounts second(database(), {.password_cost = {.memory_kib = 64, .passes = 1}});
  ASSERT_TRUE(second.prepare().ok());
  EXPECT_NE(second.setup_token(), accounts().setup_token());
  ASSERT_EQ(set_up(accounts().setup_token()).status, 201);
  services().accounts = &second;
  const Reply late = set_up(second.setup_token());
  EXPECT_EQ(late.status, 409);
  EXPECT_EQ(late.detail(), "This server is set up already: log in");
}

TEST_P(SetupTest, ADevelopmentKeyMakesItsOwnOwner) {
  use_accounts({.dev_api_key = "argilla.apikey"});
  ASSERT_TRUE(accounts().prepare().ok());
  ASSERT_TRUE(accounts().prepare().ok()) << "also when it is there already";
  const Reply me = get("/api/v1/me", "argilla.apikey");
  ASSERT_EQ(me.status, 200) << me.text;
  EXPECT_EQ(me.body["username"], "argilla");
  EXPECT_EQ(me.body["role"], "owner");
  EXPECT_EQ(me.body["api_key"], "argilla.apikey");
  EXPECT_EQ(get("/api/v1/me/workspaces", "argilla.apikey").body["items"][0]["name"], "argilla");
  EXPECT_EQ(accounts().setup_token(), "");
  EXPECT_EQ(log_in("argilla", "12345678").status, 401) << "it has no password";
  EXPECT_EQ(log_in("argilla", "argilla.apikey").status, 201) << "but the key, for the browser";
  make_user("ann", Role::kAnnotator);
  EXPECT_EQ(log_in("ann", "argilla.apikey").status, 401) << "of the owner alone";
  use_accounts({});
  EXPECT_EQ(log_in("argilla", "argilla.apikey").status, 401);
  EXPECT_EQ(get("/api/v1/me", "argilla.apikey").status, 401) << "without the flag it is no key";
}

TEST_P(SetupTest, OfClientsAtOnceOneGetsTheAccount) {
  const std::string link_token = accounts().setup_token();
  std::vector<Reply> replies(6);
  std::vector<std::thread> clients;
  for (size_t i = 0; i < replies.size(); ++i) {
    clients.emplace_back([&, i] {
      OrderedJson own = body(link_token);
      own["username"] = "boss" + std::to_string(i);
      replies[i] = send_setup(own);
    });
  }
  for (std::thread& client : clients) client.join();
  std::string winner;
  for (const Reply& reply : replies) {
    if (reply.status == 201) {
      EXPECT_EQ(winner, "") << "two owners";
      winner = reply.body["user"]["api_key"];
    } else {
      EXPECT_TRUE(reply.status == 403 || reply.status == 409) << reply.status << reply.text;
    }
  }
  EXPECT_EQ(users(), 1);
  EXPECT_EQ(get("/api/v1/me", winner).status, 200);
  EXPECT_EQ(get("/api/attune/v1/audit?action=user.create", winner).body["items"].size(), 1u);
}

TEST_P(SetupTest, OnlyTheWholeTokenOpens) {
  const std::string token = accounts().setup_token();
  std::string other_case = token;
  for (char& c : other_case) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  const std::vector<std::string> wrong = {
      "", " ", token.substr(0, 42), token + "x", token + std::string(1, '\0'), " " + token,
      other_case, std::string(50'000, 'x'), "' OR 1=1 --", "\u202e" + token};
  for (const std::string& one : wrong) {
    const Reply reply = set_up(one);
    EXPECT_TRUE(reply.status == 403 || reply.status == 422) << one << reply.status;
  }
  for (const OrderedJson& one : {OrderedJson(nullptr), OrderedJson(true), OrderedJson(0),
                                 OrderedJson::array(), OrderedJson::object()}) {
    EXPECT_EQ(send_setup(body_with("token", one)).status, 422) << to_line(one);
  }
  EXPECT_EQ(users(), 0);
  EXPECT_EQ(set_up(token).status, 201) << "none of these used it up";
}

TEST_P(SetupTest, NamesThatNobodyCouldReadOrTypeAreRefused) {
  std::vector<std::string> wrong = {"", "   ", "\t\n", "a\nb", "a\rb", "a\x1b[31mb", "a\x7f",
                                          std::string("a\0b", 3), "a\u0085b", "\u202enimda",
                                          "a\u2028b", "\u2066a\u2069", std::string(201, 'x')};
  for (const char* unseen :
       {"\u200b", "\u2060", "\ufeff", "\u00ad", "\u200e", "\u200f", "\u061c"}) {
    wrong.push_back("a" + std::string(unseen) + "b");
  }
  wrong.insert(wrong.end(),
               {"\u00a0", "\u3000\u2003", "\u200d", "\u200c\u200c", "\u3164", "\u2800"});
  for (const std::string& name : wrong) {
    const Reply reply = send_setup(body_with("username", name));
    EXPECT_EQ(reply.status, 422) << name << reply.text;
    EXPECT_NE(reply.mistakes().find(R"(["body","username"])"), std::string::npos) << reply.text;
    EXPECT_EQ(reply.mistakes().find('\n'), std::string::npos) << "one mistake: " << reply.text;
  }
  EXPECT_EQ(send_setup(body_with("username", 5)).status, 422);
  EXPECT_EQ(users(), 0);
}

// What would be SQL, markup or a template elsewhere is a name here, and so is every script.
TEST_P(SetupTest, ANameIsATextAndPasswordsAreKeptToTheLastCharacter) {
  const std::string name = "'; DROP TABLE users; -- <script>alert(1)</script> {{7*7}} %s é 管理者 😀 "
                           "\u00a0\u0646\u0627\u0645\u0647\u200c\u0627\u06cc 👩\u200d💻";
  const std::string password = "tab\t line\r\n bell\x07 del\x7f é\u202e ";
  OrderedJson sent = body_with("username", "  " + name + " ");
  sent["password"] = password;
  const Reply made = send_setup(sent);
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.body["user"]["username"], name) << "without the blanks around it";
  EXPECT_EQ(users(), 1);
  EXPECT_EQ(log_in(name, password).status, 201);
  EXPECT_EQ(log_in(name, password.substr(0, password.size() - 1)).status, 401);
}

TEST_P(SetupTest, PasswordsHaveEightToAHundredCharacters) {
  std::string seven, hundred;
  for (int i = 0; i < 7; ++i) seven += "é";
  for (int i = 0; i < 100; ++i) hundred += "😀";
  const std::vector<std::string> wrong = {"", "1234567", seven, hundred + "x",
                                          std::string(60'000, 'x'), std::string("1234567\0", 8)};
  for (const std::string& password : wrong) {
    const Reply reply = send_setup(body_with("password", password));
    EXPECT_NE(reply.mistakes().find(R"(["body","password"])"), std::string::npos) << reply.text;
  }
  EXPECT_EQ(send_setup(body_with("password", nullptr)).status, 422);
  EXPECT_EQ(users(), 0);
  ASSERT_EQ(send_setup(body_with("password", hundred)).status, 201);
  EXPECT_EQ(log_in("boss", hundred).status, 201);
}

TEST_P(SetupTest, BodiesThatAreNoRequestAreRefused) {
  const std::string token = accounts().setup_token();
  const std::vector<std::string> wrong = {
      "", "null", "[]", "\"x\"", "{", "{}{}", "\xff\xfe{}", R"({"token":"\ud800"})",
      R"({"token":)" + std::string(30'000, '['), to_line(body_with("role", "annotator")),
      to_line(body_with("id", domain::new_id()))};
  for (const std::string& text : wrong) {
    EXPECT_EQ(send_raw(Method::kPost, kPath, kJson, text).status, 422) << text.substr(0, 80);
  }
  std::string padded = to_line(body(token));
  padded.resize(kStrangersBodyBytes + 1, ' ');
  const Reply huge = send_raw(Method::kPost, kPath, kJson, padded);
  EXPECT_EQ(huge.status, 413);
  EXPECT_NE(huge.detail().find("at most 65536 bytes"), std::string::npos) << huge.detail();
  EXPECT_EQ(users(), 0);
  padded.resize(kStrangersBodyBytes);
  EXPECT_EQ(send_raw(Method::kPost, kPath, kJson, padded).status, 201);
}

// A page of another site sends these without asking first; JSON not.
TEST_P(SetupTest, APageOfAnotherSiteSetsNothingUp) {
  const std::string sent = to_line(body(accounts().setup_token()));
  EXPECT_EQ(send_raw(Method::kPost, kPath, {}, sent).status, 415);
  for (const char* type :
       {"text/plain", "TEXT/Plain;charset=utf-8", "application/x-www-form-urlencoded",
        "Application/X-WWW-Form-Urlencoded", "multipart/form-data; boundary=x", "image/png",
        "application/jsonp", " ", "text/plain; application/json"}) {
    EXPECT_EQ(send_raw(Method::kPost, kPath, {{"Content-Type", type}}, sent).status, 415) << type;
  }
  EXPECT_EQ(users(), 0);
  const Reply made = send_raw(
      Method::kPost, kPath, {{"Content-Type", "Application/JSON; charset=utf-8"}}, sent);
  ASSERT_EQ(made.status, 201) << made.text;
  HeaderLines own = {{"Cookie", session_cookie(made)}};
  EXPECT_EQ(send_raw(Method::kPost, "/api/v1/workspaces", own, R"({"name":"w"})").status, 403)
      << "the session it opened needs its token as any other";
  own.emplace_back("X-CSRF-Token", made.body["csrf_token"].get<std::string>());
  EXPECT_EQ(send_raw(Method::kPost, "/api/v1/workspaces", own, R"({"name":"w"})").status, 201);
}

}  // namespace
}  // namespace attune::api
