#include "server/api/accounts/user_json.h"

namespace attune::api {
namespace {

std::string contract_role(domain::Role role) {
  return std::string(domain::to_string(
      role == domain::Role::kReviewer ? domain::Role::kAnnotator : role));
}

}  // namespace

OrderedJson user_json(const domain::User& user, const std::string& api_key) {
  OrderedJson json = {{"id", user.id},
                      {"first_name", user.first_name},
                      {"last_name", nullptr},
                      {"username", user.username},
                      {"role", contract_role(user.role)},
                      {"api_key", api_key},
                      {"inserted_at", user.inserted_at},
                      {"updated_at", user.updated_at}};
  if (user.last_name) json["last_name"] = *user.last_name;
  if (user.role == domain::Role::kReviewer) json["attune_role"] = domain::to_string(user.role);
  return json;
}

std::string own_key(const domain::User& user, const Call& call) {
  return call.user && call.user->id == user.id ? call.presented_key : "";
}

OrderedJson user_json(const domain::User& user, const Call& call) {
  return user_json(user, own_key(user, call));
}

OrderedJson users_json(const std::vector<domain::User>& users, const Call& call) {
  OrderedJson items = OrderedJson::array();
  for (const domain::User& user : users) items.push_back(user_json(user, call));
  return {{"items", std::move(items)}};
}

OrderedJson user_json_v0(const domain::User& user, const std::vector<std::string>& workspaces,
                         const std::string& api_key) {
  OrderedJson json = {{"id", user.id}, {"first_name", user.first_name}};
  if (user.last_name) json["last_name"] = *user.last_name;
  json["full_name"] =
      user.last_name ? user.first_name + " " + *user.last_name : user.first_name;
  json["username"] = user.username;
  json["role"] = contract_role(user.role);
  json["workspaces"] = workspaces;
  json["api_key"] = api_key;
  json["inserted_at"] = user.inserted_at;
  json["updated_at"] = user.updated_at;
  return json;
}

OrderedJson workspace_json(const domain::Workspace& workspace) {
  return {{"id", workspace.id},
          {"name", workspace.name},
          {"inserted_at", workspace.inserted_at},
          {"updated_at", workspace.updated_at}};
}

OrderedJson workspaces_json(const std::vector<domain::Workspace>& workspaces) {
  OrderedJson items = OrderedJson::array();
  for (const domain::Workspace& workspace : workspaces) items.push_back(workspace_json(workspace));
  return {{"items", std::move(items)}};
}

}  // namespace attune::api
