#include "server/api/endpoints.h"

#include "server/api/access.h"
#include "server/api/accounts/people.h"
#include "server/api/accounts/user_json.h"
#include "server/api/schema_check.h"
#include "server/api/transaction.h"
#include "server/store/users.h"

namespace attune::api {
namespace {

using http::json_response;
using http::Method;
using http::Response;
using store::Connection;

Answer<Response> mine(const Call& call) {
  const auto workspaces = TRY(call.database().read(
      [&](Connection& connection) { return visible_workspaces(connection, *call.user); }));
  return json_response(200, workspaces_json(workspaces));
}

Answer<Response> get(const Call& call) {
  const std::string id = TRY(call.path_id("workspace_id"));
  return answer_read(call.database(), [&](Connection& connection) -> Answer<Response> {
    TRY(may_read_workspace(connection, *call.user, id));
    return json_response(200, workspace_json(TRY(found_workspace(connection, id))));
  });
}

Answer<Response> create(const Call& call) {
  const OrderedJson json = TRY(call.body());
  SchemaReader body(json, "body");
  const auto id = body.id_or_null("id");
  const std::string name = body.text("name", {.min = 1});
  TRY(body.done());
  return json_response(201, workspace_json(TRY(create_workspace(call, id, name))));
}

Answer<Response> remove(const Call& call) {
  const std::string id = TRY(call.path_id("workspace_id"));
  return json_response(200, workspace_json(TRY(delete_workspace(call, id))));
}

Answer<Response> members(const Call& call) {
  const std::string id = TRY(call.path_id("workspace_id"));
  return answer_read(call.database(), [&](Connection& connection) -> Answer<Response> {
    TRY(may_administer_workspace(connection, *call.user, id));
    TRY(found_workspace(connection, id));
    return json_response(200, users_json(TRY(store::members_of(connection, id)), call));
  });
}

Answer<Response> join(const Call& call) {
  const std::string id = TRY(call.path_id("workspace_id"));
  const OrderedJson json = TRY(call.body());
  SchemaReader body(json, "body");
  const std::string user_id = body.id("user_id");
  TRY(body.done());
  return json_response(201, user_json(TRY(add_member(call, id, user_id)), call));
}

Answer<Response> leave(const Call& call) {
  const std::string id = TRY(call.path_id("workspace_id"));
  const std::string user_id = TRY(call.path_id("user_id"));
  TRY(may_administer_workspace(call, id));
  return json_response(200, user_json(TRY(remove_member(call, id, user_id)), call));
}

}  // namespace

void add_workspace_endpoints(Endpoints& endpoints) {
  const auto add = [&](Method method, const char* path, Access access, const char* summary,
                       auto handle, OrderedJson schema) {
    endpoints.push_back({method, path, access, summary, handle, std::move(schema)});
  };
  add(Method::kGet, "/api/v1/me/workspaces", Access::kAnyone, "The caller's workspaces", mine,
      {{"response", "Workspaces"}});
  add(Method::kPost, "/api/v1/workspaces", Access::kOwners, "Make a workspace", create,
      {{"body", "WorkspaceCreate"}, {"response", "Workspace"}, {"status", 201}});
  add(Method::kGet, "/api/v1/workspaces/{workspace_id}", Access::kAnyone, "A workspace", get,
      {{"response", "Workspace"}});
  add(Method::kDelete, "/api/v1/workspaces/{workspace_id}", Access::kOwners,
      "Delete a workspace without data sets", remove, {{"response", "Workspace"}});
  add(Method::kGet, "/api/v1/workspaces/{workspace_id}/users", Access::kAdmins,
      "The members of a workspace", members, {{"response", "Users"}});
  add(Method::kPost, "/api/v1/workspaces/{workspace_id}/users", Access::kOwners,
      "Add a member", join,
      {{"body", "WorkspaceUserCreate"}, {"response", "User"}, {"status", 201}});
  add(Method::kDelete, "/api/v1/workspaces/{workspace_id}/users/{user_id}", Access::kAdmins,
      "Remove a member", leave, {{"response", "User"}});
}

}  // namespace attune::api
