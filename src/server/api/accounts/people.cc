#include "server/api/accounts/people.h"

#include "server/api/audit.h"
#include "server/api/transaction.h"
#include "server/auth/accounts.h"
#include "server/store/users.h"

namespace attune::api {
namespace {

using domain::Role;
using domain::User;
using domain::Workspace;
using store::Connection;

Answer<void> keep_an_owner(Connection& connection, const User& user) {
  if (user.role != Role::kOwner) return {};
  if (TRY(store::count_users_of_role(connection, Role::kOwner)) > 1) return {};
  return detail(409, fmt::format("User `{}` is the last owner: make another one first",
                                 user.username));
}

Answer<void> join_workspaces(Connection& connection, const User& user,
                             const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto workspace = TRY(store::find_workspace_named(connection, name));
    if (!workspace) return detail(422, fmt::format("Workspace '{}' does not exist", name));
    if (TRY(store::is_member(connection, workspace->id, user.id))) continue;
    TRY(store::insert_member(connection, workspace->id, user.id));
  }
  return {};
}

}  // namespace

Answer<User> found_user(Connection& connection, const std::string& id) {
  auto user = TRY(store::find_user(connection, id));
  if (!user) return detail(404, fmt::format("User with id `{}` not found", id));
  return std::move(*user);
}

Answer<Workspace> found_workspace(Connection& connection, const std::string& id) {
  auto workspace = TRY(store::find_workspace(connection, id));
  if (!workspace) return detail(404, fmt::format("Workspace with id `{}` not found", id));
  return std::move(*workspace);
}

Result<std::vector<Workspace>> visible_workspaces(Connection& connection, const User& user) {
  if (user.role == Role::kOwner) return store::list_workspaces(connection);
  return store::workspaces_of(connection, user.id);
}

namespace {

// A user who is about to be, with the hash of the password: made before the write begins, since
// hashing takes its time.
struct Candidate {
  CreatedUser created;
  std::string password_hash;
  store::ApiKey key;
};

Answer<Candidate> candidate_of(const Call& call, const NewUser& input) {
  Candidate candidate;
  candidate.password_hash = TRY(call.services.accounts->hash_password(input.password));
  const std::string now = domain::now();
  User& user = candidate.created.user;
  user = {input.id.value_or(domain::new_id()), input.username, input.first_name, input.last_name,
          input.role, now, now};
  auto made = auth::Accounts::new_key(user.id, "first key", auth::Scope::kAdmin, std::nullopt);
  candidate.created.api_key = std::move(made.secret);
  candidate.key = std::move(made.key);
  return candidate;
}

Answer<void> insert_candidate(Connection& connection, const Call& call,
                              const Candidate& candidate) {
  const User& user = candidate.created.user;
  if (TRY(store::find_user(connection, user.id))) {
    return detail(409, fmt::format("User with id `{}` is not unique", user.id));
  }
  if (TRY(store::find_user_named(connection, user.username))) {
    return detail(409, fmt::format("User username `{}` is not unique", user.username));
  }
  TRY(store::insert_user(connection, user, candidate.password_hash));
  TRY(store::insert_api_key(connection, candidate.key));
  TRY(audit(connection, call, "user.create", user.id,
            {{"username", user.username}, {"role", domain::to_string(user.role)}}));
  return {};
}

}  // namespace

Answer<CreatedUser> create_user(const Call& call, const NewUser& input) {
  const Candidate candidate = TRY(candidate_of(call, input));
  return answer_write(call.database(), [&](Connection& connection) -> Answer<CreatedUser> {
    TRY(insert_candidate(connection, call, candidate));
    TRY(join_workspaces(connection, candidate.created.user, input.workspaces));
    return candidate.created;
  });
}

Answer<CreatedUser> create_first_owner(const Call& call, const NewUser& input) {
  const Candidate candidate = TRY(candidate_of(call, input));
  return answer_write(call.database(), [&](Connection& connection) -> Answer<CreatedUser> {
    if (TRY(store::count_users(connection)) > 0) {
      return detail(409, "This server is set up already: log in");
    }
    TRY(insert_candidate(connection, call, candidate));
    return candidate.created;
  });
}

Answer<User> change_user(const Call& call, const std::string& id, const UserChange& change) {
  std::string password_hash;
  if (change.password) {
    password_hash = TRY(call.services.accounts->hash_password(*change.password));
  }
  return answer_write(call.database(), [&](Connection& connection) -> Answer<User> {
    User user = TRY(found_user(connection, id));
    const Role role_before = user.role;
    if (change.username && *change.username != user.username) {
      if (TRY(store::find_user_named(connection, *change.username))) {
        return detail(422, fmt::format("Username '{}' already exists", *change.username));
      }
      user.username = *change.username;
    }
    if (change.role && *change.role != user.role) {
      TRY(keep_an_owner(connection, user));
      user.role = *change.role;
    }
    if (change.first_name) user.first_name = *change.first_name;
    if (change.sets_last_name) user.last_name = change.last_name;
    user.updated_at = domain::now();
    TRY(store::update_user(connection, user));
    if (change.password) TRY(store::set_password(connection, id, password_hash));
    if (change.password || user.role != role_before) {
      TRY(store::delete_sessions_of(connection, id, call.identity.session));
    }
    TRY(audit(connection, call, "user.update", id,
              {{"username", user.username},
               {"role", domain::to_string(user.role)},
               {"password_changed", change.password.has_value()}}));
    return user;
  });
}

Answer<User> delete_user(const Call& call, const std::string& id) {
  return answer_write(call.database(), [&](Connection& connection) -> Answer<User> {
    User user = TRY(found_user(connection, id));
    TRY(keep_an_owner(connection, user));
    TRY(store::delete_user(connection, id));
    TRY(audit(connection, call, "user.delete", id, {{"username", user.username}}));
    return user;
  });
}

Answer<Workspace> create_workspace(const Call& call, const std::optional<std::string>& id,
                                   const std::string& name) {
  const std::string now = domain::now();
  const Workspace workspace{id.value_or(domain::new_id()), name, now, now};
  return answer_write(call.database(), [&](Connection& connection) -> Answer<Workspace> {
    if (TRY(store::find_workspace(connection, workspace.id))) {
      return detail(409, fmt::format("Workspace with id `{}` is not unique", workspace.id));
    }
    if (TRY(store::find_workspace_named(connection, name))) {
      return detail(409, fmt::format("Workspace name `{}` is not unique", name));
    }
    TRY(store::insert_workspace(connection, workspace));
    TRY(audit(connection, call, "workspace.create", workspace.id, {{"name", name}}));
    return workspace;
  });
}

Answer<Workspace> delete_workspace(const Call& call, const std::string& id) {
  return answer_write(call.database(), [&](Connection& connection) -> Answer<Workspace> {
    Workspace workspace = TRY(found_workspace(connection, id));
    if (TRY(store::has_datasets(connection, id))) {
      return detail(409, fmt::format("Cannot delete the workspace {}. This workspace has some "
                                     "datasets linked",
                                     id));
    }
    TRY(store::delete_workspace(connection, id));
    TRY(audit(connection, call, "workspace.delete", id, {{"name", workspace.name}}));
    return workspace;
  });
}

Answer<User> add_member(const Call& call, const std::string& workspace_id,
                        const std::string& user_id) {
  return answer_write(call.database(), [&](Connection& connection) -> Answer<User> {
    TRY(found_workspace(connection, workspace_id));
    const auto user = TRY(store::find_user(connection, user_id));
    if (!user) return detail(422, fmt::format("User with id `{}` not found", user_id));
    if (TRY(store::is_member(connection, workspace_id, user_id))) {
      return detail(409, fmt::format("Workspace user with workspace_id `{}` and user_id `{}` is "
                                     "not unique",
                                     workspace_id, user_id));
    }
    TRY(store::insert_member(connection, workspace_id, user_id));
    TRY(audit(connection, call, "workspace.add_member", workspace_id, {{"user_id", user_id}}));
    return *user;
  });
}

Answer<User> remove_member(const Call& call, const std::string& workspace_id,
                           const std::string& user_id) {
  return answer_write(call.database(), [&](Connection& connection) -> Answer<User> {
    if (!TRY(store::is_member(connection, workspace_id, user_id))) {
      return detail(404, fmt::format("WorkspaceUser not found filtering by workspace_id={}, "
                                     "user_id={}",
                                     workspace_id, user_id));
    }
    User user = TRY(found_user(connection, user_id));
    TRY(store::delete_member(connection, workspace_id, user_id));
    TRY(audit(connection, call, "workspace.remove_member", workspace_id, {{"user_id", user_id}}));
    return user;
  });
}

}  // namespace attune::api
