#include "server/api/endpoints.h"

#include "server/api/accounts/people.h"
#include "server/api/accounts/user_input.h"
#include "server/api/accounts/user_json.h"
#include "server/api/audit.h"
#include "server/api/dispatch.h"
#include "server/api/transaction.h"
#include "server/auth/accounts.h"
#include "server/http/target.h"
#include "server/store/users.h"

namespace attune::api {
namespace {

using auth::Credential;
using auth::Login;
using http::json_response;
using http::Method;
using http::Response;
using store::Connection;

// A body of application/x-www-form-urlencoded: what stands behind the '?' of a target.
Answer<OrderedJson> form_of(const Call& call) {
  const auto form = http::parse_target("/?" + call.request.body);
  if (!form.ok()) return detail(422, "The body is no form: " + form.error().message());
  return query_json(form.value().query);
}

Answer<void> noted(const Call& call, const std::string& action, const std::string& username) {
  TRY(call.database().write([&](Connection& connection) {
    return audit(connection, call, action, username);
  }));
  return {};
}

Answer<Login> come_in(const Call& call, const std::string& username, const std::string& password,
                      Credential kind) {
  const Login login = TRY(call.services.accounts->log_in(username, password,
                                                         call.request.remote_address, kind));
  if (login.outcome == Login::kLater) {
    return detail(429, fmt::format("Too many wrong passwords: try again in {} seconds",
                                   login.seconds));
  }
  TRY(noted(call, login.outcome == Login::kOpened ? "login" : "login.failed", username));
  if (login.outcome == Login::kWrong) return unauthorized();
  return login;
}

Answer<Response> token(const Call& call) {
  const OrderedJson form = TRY(form_of(call));
  SchemaReader body(form, "body");
  const std::string username = body.text("username", {.max = kUsernameMax});
  const std::string password = body.text("password", {.max = kPasswordMax});
  TRY(body.done());
  const Login login = TRY(come_in(call, username, password, Credential::kBearer));
  return json_response(201, {{"access_token", login.token}, {"token_type", "bearer"}});
}

void set_cookie(Response& response, const Call& call, const std::string& value, int64_t seconds) {
  std::string cookie = fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax",
                                   kSessionCookie, value, seconds);
  if (call.services.accounts->options().secure_cookies) cookie += "; Secure";
  response.headers.add("Set-Cookie", std::move(cookie));
}

Response session_response(const Call& call, const Login& login, OrderedJson body) {
  body["csrf_token"] = login.csrf_token;
  body["expires_in"] = login.seconds;
  Response response = json_response(201, body);
  set_cookie(response, call, login.token, login.seconds);
  return response;
}

// A page of another site can make a browser send a body of no type or of the three types of forms
// here, and so log somebody in as the page's owner; JSON it cannot send without asking first.
Answer<void> is_json(const Call& call) {
  const std::string* type = call.request.headers.find("Content-Type");
  std::string_view essence = type ? std::string_view(*type) : "";
  essence = essence.substr(0, essence.find_first_of("; \t"));
  if (http::same_name(essence, "application/json")) return {};
  return detail(415, "Content-Type must be application/json");
}

Answer<Response> open(const Call& call) {
  TRY(is_json(call));
  const OrderedJson json = TRY(call.body());
  SchemaReader body(json, "body");
  const std::string username = body.text("username", {.max = kUsernameMax});
  const std::string password = body.text("password", {.max = kPasswordMax});
  body.no_others();
  TRY(body.done());
  const Login login = TRY(come_in(call, username, password, Credential::kCookie));
  return session_response(call, login, {{"user", user_json(login.user, "")}});
}

Answer<Response> current(const Call& call) {
  return json_response(200, {{"user", user_json(*call.user, "")},
                             {"csrf_token", call.identity.csrf_token}});
}

Answer<Response> close(const Call& call) {
  if (call.identity.credential == Credential::kKey) {
    return detail(422, "There is no session to end: the call came with an API key");
  }
  TRY(call.services.accounts->log_out(call.identity.session));
  TRY(noted(call, "logout", call.user->username));
  Response response = http::empty_response(204);
  set_cookie(response, call, "", 0);
  return response;
}

Answer<Response> setup_state(const Call& call) {
  const int64_t users = TRY(call.database().read(store::count_users));
  return json_response(200, {{"needed", users == 0}});
}

// The first owner, by the link that the server printed when it started.
Answer<Response> set_up(const Call& call) {
  TRY(is_json(call));
  const OrderedJson json = TRY(call.body());
  SchemaReader body(json, "body");
  const std::string given = body.text("token");
  NewUser input;
  input.username = read_username(body, true);
  input.first_name = body.text_or_null("first_name", person_name_rule()).value_or(input.username);
  input.last_name = body.text_or_null("last_name", person_name_rule());
  input.password = body.text("password", password_rule());
  input.role = domain::Role::kOwner;
  body.no_others();
  TRY(body.done());
  auth::Accounts& accounts = *call.services.accounts;
  if (!accounts.is_setup_token(given)) {
    return forbidden("This set-up link is no longer valid: the server prints a new one when it "
                     "starts without users");
  }
  const CreatedUser created = TRY(create_first_owner(call, input));
  accounts.setup_done();
  const Login login = TRY(accounts.open_session(created.user, Credential::kCookie));
  return session_response(call, login, {{"user", user_json(created.user, created.api_key)}});
}

Answer<Response> change_password(const Call& call) {
  const OrderedJson json = TRY(call.body());
  SchemaReader body(json, "body");
  const std::string current_password = body.text("current_password");
  UserChange change;
  change.password = body.text("new_password", password_rule());
  body.no_others();
  TRY(body.done());
  const Login checked = TRY(call.services.accounts->check_password(
      call.user->username, current_password, call.request.remote_address));
  if (checked.outcome == Login::kLater) {
    return detail(429, fmt::format("Too many wrong passwords: try again in {} seconds",
                                   checked.seconds));
  }
  if (checked.outcome == Login::kWrong) return forbidden("The current password is another one");
  return json_response(200, user_json(TRY(change_user(call, call.user->id, change)), call));
}

}  // namespace

void add_session_endpoints(Endpoints& endpoints) {
  const auto add = [&](Method method, const char* path, Access access, const char* summary,
                       auto handle, OrderedJson schema) {
    endpoints.push_back({method, path, access, summary, handle, std::move(schema)});
  };
  add(Method::kPost, "/api/v1/token", Access::kPublic, "A bearer token for a name and a password",
      token, {{"form", "Login"}, {"response", "Token"}, {"status", 201}});
  add(Method::kPost, "/api/attune/v1/session", Access::kPublic, "Log in: opens a cookie's session",
      open, {{"body", "Login"}, {"response", "Session"}, {"status", 201}});
  add(Method::kGet, "/api/attune/v1/session", Access::kAnyone,
      "Who is logged in, and the session's CSRF token", current, {{"response", "Session"}});
  add(Method::kDelete, "/api/attune/v1/session", Access::kAnyone, "Log out", close,
      {{"status", 204}});
  add(Method::kGet, "/api/attune/v1/setup", Access::kPublic, "Whether there is nobody yet",
      setup_state, {{"response", "SetupState"}});
  add(Method::kPost, "/api/attune/v1/setup", Access::kPublic,
      "Make the first owner, with the token of the one-time link", set_up,
      {{"body", "Setup"}, {"response", "Session"}, {"status", 201}});
  add(Method::kPost, "/api/attune/v1/me/password", Access::kAnyone, "Change one's own password",
      change_password, {{"body", "PasswordChange"}, {"response", "User"}});
}

}  // namespace attune::api
