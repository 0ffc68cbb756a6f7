#include "server/api/endpoints.h"

#include <algorithm>

#include "server/api/access.h"
#include "server/api/accounts/people.h"
#include "server/api/accounts/user_input.h"
#include "server/api/accounts/user_json.h"
#include "server/api/service.h"
#include "server/api/transaction.h"
#include "server/store/users.h"

namespace attune::api {
namespace {

using domain::User;
using http::json_response;
using http::Method;
using http::Response;
using store::Connection;

bool is_name(std::string_view text, bool upper_case) {
  if (text.empty() || text[0] == '-' || text[0] == '_') return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           (upper_case && c >= 'A' && c <= 'Z');
  });
}

TextRule username_rule() {
  return {.min = 1,
          .max = kUsernameMax,
          .pattern = "^(?!-|_)[A-za-z0-9-_]+$",
          .allowed = [](std::string_view text) { return is_name(text, true); }};
}

TextRule workspace_name_rule() {
  return {.min = 1,
          .pattern = "^(?!-|_)[a-z0-9-_]+$",
          .allowed = [](std::string_view text) { return is_name(text, false); }};
}

// Of what is there already the 1.x server says so by a code.
Failure as_v0(const Failure& failure, const std::string& name, const char* type) {
  if (failure.status != 409) return failure;
  return {409,
          {{"detail",
            {{"code", "argilla.api.errors::EntityAlreadyExistsError"},
             {"params", {{"name", name}, {"type", type}}}}}}};
}

Result<OrderedJson> shown(Connection& connection, const User& user, const std::string& api_key) {
  std::vector<std::string> names;
  const auto workspaces = TRY(store::workspaces_of(connection, user.id));
  for (const auto& workspace : workspaces) names.push_back(workspace.name);
  return user_json_v0(user, names, api_key);
}

Answer<Response> shown(const Call& call, const User& user, const std::string& api_key) {
  const OrderedJson json = TRY(call.database().read(
      [&](Connection& connection) { return shown(connection, user, api_key); }));
  return json_response(200, json);
}

Result<OrderedJson> shown(Connection& connection, const std::vector<User>& users,
                          const Call& call) {
  OrderedJson items = OrderedJson::array();
  for (const User& user : users) {
    items.push_back(TRY(shown(connection, user, own_key(user, call))));
  }
  return items;
}

Answer<OrderedJson> shown_user(Connection& connection, const std::string& id, const Call& call) {
  const User user = TRY(found_user(connection, id));
  return TRY(shown(connection, user, own_key(user, call)));
}

Answer<Response> me(const Call& call) {
  return shown(call, *call.user, call.presented_key);
}

Answer<Response> list_users(const Call& call) {
  return answer_read(call.database(), [&](Connection& connection) -> Answer<Response> {
    const auto users = TRY(store::list_users(connection));
    return json_response(200, TRY(shown(connection, users, call)));
  });
}

Answer<Response> make_user(const Call& call) {
  const OrderedJson json = TRY(call.body());
  SchemaReader body(json, "body");
  NewUser input;
  input.first_name = body.text("first_name", person_name_rule());
  input.last_name = body.text_or_null("last_name", person_name_rule());
  input.username = body.text("username", username_rule());
  input.role = read_role(body).value_or(domain::Role::kAnnotator);
  input.password = body.text("password", password_rule());
  if (body.given("workspaces")) input.workspaces = body.texts("workspaces");
  TRY(body.done());
  const Answer<CreatedUser> created = create_user(call, input);
  if (!created.ok()) return as_v0(created.error(), input.username, "User");
  return shown(call, created.value().user, created.value().api_key);
}

Answer<Response> remove_user(const Call& call) {
  const std::string id = TRY(call.path_id("user_id"));
  // Shown with the workspaces that it had.
  const auto before = answer_read(call.database(), [&](Connection& connection) {
    return shown_user(connection, id, call);
  });
  const OrderedJson json = TRY(before);
  TRY(delete_user(call, id));
  return json_response(200, json);
}

Answer<Response> make_workspace(const Call& call) {
  const OrderedJson json = TRY(call.body());
  SchemaReader body(json, "body");
  const std::string name = body.text("name", workspace_name_rule());
  TRY(body.done());
  const auto made = create_workspace(call, std::nullopt, name);
  if (!made.ok()) return as_v0(made.error(), name, "Workspace");
  return json_response(200, workspace_json(made.value()));
}

Answer<Response> list_workspaces(const Call& call) {
  const auto workspaces = TRY(call.database().read(
      [&](Connection& connection) { return visible_workspaces(connection, *call.user); }));
  return json_response(200, workspaces_json(workspaces)["items"]);
}

Answer<Response> members(const Call& call) {
  const std::string id = TRY(call.path_id("workspace_id"));
  return answer_read(call.database(), [&](Connection& connection) -> Answer<Response> {
    TRY(may_administer_workspace(connection, *call.user, id));
    TRY(found_workspace(connection, id));
    const auto users = TRY(store::members_of(connection, id));
    return json_response(200, TRY(shown(connection, users, call)));
  });
}

Answer<Response> join(const Call& call) {
  const std::string id = TRY(call.path_id("workspace_id"));
  const std::string user_id = TRY(call.path_id("user_id"));
  const Answer<User> user = add_member(call, id, user_id);
  if (!user.ok()) return as_v0(user.error(), user_id, "WorkspaceUser");
  return shown(call, user.value(), own_key(user.value(), call));
}

Answer<Response> leave(const Call& call) {
  const std::string id = TRY(call.path_id("workspace_id"));
  const std::string user_id = TRY(call.path_id("user_id"));
  TRY(may_administer_workspace(call, id));
  const User user = TRY(remove_member(call, id, user_id));
  return shown(call, user, own_key(user, call));
}

Answer<Response> info(const Call& call) {
  return json_response(200, {{"version", kContractVersionV0}, {"attune", call.services.version}});
}

Answer<Response> status(const Call& call) {
  return json_response(200, {{"version", kContractVersionV0},
                             {"elasticsearch", OrderedJson::object()},
                             {"mem_info", memory_json()},
                             {"attune", call.services.version}});
}

}  // namespace

void add_older_path_endpoints(Endpoints& endpoints) {
  const auto add = [&](Method method, const char* path, Access access, const char* summary,
                       auto handle, OrderedJson schema) {
    endpoints.push_back({method, path, access, summary, handle, std::move(schema)});
  };
  add(Method::kGet, "/api/me", Access::kAnyone, "Who the caller is (1.x)", me,
      {{"response", "UserV0"}});
  add(Method::kGet, "/api/_info", Access::kPublic, "The contract's version (1.x)", info,
      {{"response", "Version"}});
  add(Method::kGet, "/api/_status", Access::kPublic, "The server's state (1.x)", status, {});
  add(Method::kGet, "/api/users", Access::kOwners, "All users (1.x)", list_users,
      {{"response", "UsersV0"}});
  add(Method::kPost, "/api/users", Access::kOwners, "Make a user (1.x)", make_user,
      {{"body", "UserCreateV0"}, {"response", "UserV0"}});
  add(Method::kDelete, "/api/users/{user_id}", Access::kOwners, "Delete a user (1.x)",
      remove_user, {{"response", "UserV0"}});
  add(Method::kGet, "/api/workspaces", Access::kAnyone, "The caller's workspaces (1.x)",
      list_workspaces, {{"response", "WorkspacesV0"}});
  add(Method::kPost, "/api/workspaces", Access::kOwners, "Make a workspace (1.x)", make_workspace,
      {{"body", "WorkspaceCreate"}, {"response", "Workspace"}});
  add(Method::kGet, "/api/workspaces/{workspace_id}/users", Access::kAdmins,
      "The members of a workspace (1.x)", members, {{"response", "UsersV0"}});
  add(Method::kPost, "/api/workspaces/{workspace_id}/users/{user_id}", Access::kOwners,
      "Add a member (1.x)", join, {{"response", "UserV0"}});
  add(Method::kDelete, "/api/workspaces/{workspace_id}/users/{user_id}", Access::kAdmins,
      "Remove a member (1.x)", leave, {{"response", "UserV0"}});
}

}  // namespace attune::api
