// What may be done to people and workspaces, shared by the contract's two versions. Each is one
// write, with its line in the audit log; refusals have the contract's texts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/api/endpoint.h"

namespace attune::api {

struct NewUser {
  std::optional<std::string> id;
  std::string username, first_name;
  std::optional<std::string> last_name;
  domain::Role role = domain::Role::kAnnotator;
  std::string password;
  std::vector<std::string> workspaces;  // names
};
struct CreatedUser {
  domain::User user;
  std::string api_key;  // the true one, this once; its scope is `admin`
};
Answer<CreatedUser> create_user(const Call& call, const NewUser& input);

// The same where there is no user at all; 409 otherwise. The race of two set-ups ends here.
Answer<CreatedUser> create_first_owner(const Call& call, const NewUser& input);

struct UserChange {
  std::optional<std::string> username, first_name, password;
  bool sets_last_name = false;
  std::optional<std::string> last_name;
  std::optional<domain::Role> role;
};
// A new password or role ends the user's sessions (but for the one that asks).
Answer<domain::User> change_user(const Call& call, const std::string& id, const UserChange& change);
// Answers and history stay; see store/users.h. The last owner stays too.
Answer<domain::User> delete_user(const Call& call, const std::string& id);

Answer<domain::Workspace> create_workspace(const Call& call, const std::optional<std::string>& id,
                                           const std::string& name);
// Refused while there are data sets.
Answer<domain::Workspace> delete_workspace(const Call& call, const std::string& id);
Answer<domain::User> add_member(const Call& call, const std::string& workspace_id,
                                const std::string& user_id);
Answer<domain::User> remove_member(const Call& call, const std::string& workspace_id,
                                   const std::string& user_id);

// "User with id `...` not found", 404.
Answer<domain::User> found_user(store::Connection& connection, const std::string& id);
Answer<domain::Workspace> found_workspace(store::Connection& connection, const std::string& id);
// All workspaces for an owner, else those of the user.
Result<std::vector<domain::Workspace>> visible_workspaces(store::Connection& connection,
                                                          const domain::User& user);

inline constexpr size_t kPasswordMin = 8;
inline constexpr size_t kPasswordMax = 100;
inline constexpr size_t kUsernameMax = 200;  // what a login takes

}  // namespace attune::api
