#include "server/api/endpoints.h"

#include "server/api/accounts/people.h"
#include "server/api/accounts/user_input.h"
#include "server/api/accounts/user_json.h"
#include "server/api/transaction.h"
#include "server/store/users.h"

namespace attune::api {
namespace {

using http::json_response;
using http::Method;
using http::Response;
using store::Connection;

Answer<Response> me(const Call& call) {
  return json_response(200, user_json(*call.user, call));
}

Answer<Response> list(const Call& call) {
  const auto users = TRY(call.database().read(store::list_users));
  return json_response(200, users_json(users, call));
}

Answer<Response> get(const Call& call) {
  const std::string id = TRY(call.path_id("user_id"));
  const auto user = TRY(answer_read(call.database(), [&](Connection& connection) {
    return found_user(connection, id);
  }));
  return json_response(200, user_json(user, call));
}

Answer<Response> workspaces(const Call& call) {
  const std::string id = TRY(call.path_id("user_id"));
  return answer_read(call.database(), [&](Connection& connection) -> Answer<Response> {
    const domain::User user = TRY(found_user(connection, id));
    return json_response(200, workspaces_json(TRY(visible_workspaces(connection, user))));
  });
}

Answer<Response> create(const Call& call) {
  const OrderedJson json = TRY(call.body());
  SchemaReader body(json, "body");
  NewUser input;
  input.id = body.id_or_null("id");
  input.first_name = body.text("first_name", person_name_rule());
  input.last_name = body.text_or_null("last_name", person_name_rule());
  input.username = read_username(body);
  input.role = read_role(body).value_or(domain::Role::kAnnotator);
  input.password = body.text("password", password_rule());
  TRY(body.done());
  const CreatedUser created = TRY(create_user(call, input));
  return json_response(201, user_json(created.user, created.api_key));
}

Answer<Response> change(const Call& call) {
  const std::string id = TRY(call.path_id("user_id"));
  const OrderedJson json = TRY(call.body());
  SchemaReader body(json, "body");
  UserChange input;
  input.first_name = body.text_or_null("first_name", person_name_rule());
  input.sets_last_name = body.has("last_name");
  input.last_name = body.text_or_null("last_name", person_name_rule());
  input.username = read_username_or_null(body);
  input.role = read_role(body);
  input.password = body.text_or_null("password", password_rule());
  body.not_null({"first_name", "username", "role", "password"});
  // The contract's clients send back the whole user, a reviewer as the annotator they know.
  const bool as_contract = !body.given("attune_role");
  TRY(body.done());
  if (as_contract && input.role == domain::Role::kAnnotator) {
    const auto user = TRY(answer_read(call.database(), [&](Connection& connection) {
      return found_user(connection, id);
    }));
    if (user.role == domain::Role::kReviewer) input.role.reset();
  }
  return json_response(200, user_json(TRY(change_user(call, id, input)), call));
}

Answer<Response> remove(const Call& call) {
  const std::string id = TRY(call.path_id("user_id"));
  return json_response(200, user_json(TRY(delete_user(call, id)), call));
}

}  // namespace

void add_user_endpoints(Endpoints& endpoints) {
  const auto add = [&](Method method, const char* path, Access access, const char* summary,
                       auto handle, OrderedJson schema) {
    endpoints.push_back({method, path, access, summary, handle, std::move(schema)});
  };
  add(Method::kGet, "/api/v1/me", Access::kAnyone, "Who the caller is", me,
      {{"response", "User"}});
  add(Method::kGet, "/api/v1/users", Access::kOwners, "All users", list, {{"response", "Users"}});
  add(Method::kPost, "/api/v1/users", Access::kOwners, "Make a user; shows the API key once",
      create, {{"body", "UserCreate"}, {"response", "User"}, {"status", 201}});
  add(Method::kGet, "/api/v1/users/{user_id}", Access::kOwners, "A user", get,
      {{"response", "User"}});
  add(Method::kPatch, "/api/v1/users/{user_id}", Access::kOwners, "Change a user", change,
      {{"body", "UserUpdate"}, {"response", "User"}});
  add(Method::kDelete, "/api/v1/users/{user_id}", Access::kOwners,
      "Delete a user; answers and history stay", remove, {{"response", "User"}});
  add(Method::kGet, "/api/v1/users/{user_id}/workspaces", Access::kOwners,
      "The workspaces of a user", workspaces, {{"response", "Workspaces"}});
}

}  // namespace attune::api
