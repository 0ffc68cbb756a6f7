// People and workspaces in the data base. All functions run inside a read or write of the caller
// (database.h); lists are in the order of insertion. A user who is deleted takes along keys,
// sessions and memberships, and leaves records, answers and history alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "server/domain/user.h"
#include "server/store/database.h"

namespace attune::store {

Result<std::optional<domain::User>> find_user(Connection& connection, const std::string& id);
Result<std::optional<domain::User>> find_user_named(Connection& connection,
                                                    const std::string& username);
Result<std::vector<domain::User>> list_users(Connection& connection);
Result<int64_t> count_users(Connection& connection);
// The first owner there was, whom the development key stands for.
Result<std::optional<domain::User>> first_owner(Connection& connection);
// Users of the role; an owner who is the last one can be neither deleted nor demoted.
Result<int64_t> count_users_of_role(Connection& connection, domain::Role role);

// `password_hash` is what auth/passwords.h made, or "" for nobody who logs in by a password.
Status insert_user(Connection& connection, const domain::User& user,
                   const std::string& password_hash);
Status update_user(Connection& connection, const domain::User& user);
Status set_password(Connection& connection, const std::string& user_id,
                    const std::string& password_hash);
// "" where there is none.
Result<std::string> password_hash_of(Connection& connection, const std::string& user_id);
Status delete_user(Connection& connection, const std::string& id);

Result<std::optional<domain::Workspace>> find_workspace(Connection& connection,
                                                        const std::string& id);
Result<std::optional<domain::Workspace>> find_workspace_named(Connection& connection,
                                                              const std::string& name);
Result<std::vector<domain::Workspace>> list_workspaces(Connection& connection);
Result<std::vector<domain::Workspace>> workspaces_of(Connection& connection,
                                                     const std::string& user_id);
Status insert_workspace(Connection& connection, const domain::Workspace& workspace);
Status delete_workspace(Connection& connection, const std::string& id);
Result<bool> has_datasets(Connection& connection, const std::string& workspace_id);

Result<std::vector<domain::User>> members_of(Connection& connection,
                                             const std::string& workspace_id);
Result<bool> is_member(Connection& connection, const std::string& workspace_id,
                       const std::string& user_id);
Status insert_member(Connection& connection, const std::string& workspace_id,
                     const std::string& user_id);
Status delete_member(Connection& connection, const std::string& workspace_id,
                     const std::string& user_id);

}  // namespace attune::store
