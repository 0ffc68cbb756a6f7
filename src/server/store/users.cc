#include "server/store/users.h"

#include "server/domain/identity.h"

namespace attune::store {
namespace {

using domain::Role;
using domain::User;
using domain::Workspace;

User user_of(const Row& row) {
  User user;
  user.id = row.text(0);
  user.username = row.text(1);
  user.first_name = row.text(2);
  user.last_name = row.text_or_null(3);
  // A role that this version does not know gives the least it can.
  user.role = domain::role_of(row.text(4)).value_or(Role::kAnnotator);
  user.inserted_at = row.text(5);
  user.updated_at = row.text(6);
  return user;
}

Workspace workspace_of(const Row& row) {
  return {row.text(0), row.text(1), row.text(2), row.text(3)};
}

std::vector<User> users_of(const Rows& rows) {
  std::vector<User> users;
  users.reserve(rows.size());
  for (const Row& row : rows) users.push_back(user_of(row));
  return users;
}

std::vector<Workspace> workspaces_in(const Rows& rows) {
  std::vector<Workspace> workspaces;
  workspaces.reserve(rows.size());
  for (const Row& row : rows) workspaces.push_back(workspace_of(row));
  return workspaces;
}

std::optional<User> one_user(const Rows& rows) {
  if (rows.empty()) return std::nullopt;
  return user_of(rows[0]);
}

std::optional<Workspace> one_workspace(const Rows& rows) {
  if (rows.empty()) return std::nullopt;
  return workspace_of(rows[0]);
}

}  // namespace

Result<std::optional<User>> find_user(Connection& connection, const std::string& id) {
  return one_user(TRY(connection.run(
      "SELECT id, username, first_name, last_name, role, inserted_at, updated_at FROM users "
      "WHERE id = $1",
      {id})));
}

Result<std::optional<User>> find_user_named(Connection& connection, const std::string& username) {
  return one_user(TRY(connection.run(
      "SELECT id, username, first_name, last_name, role, inserted_at, updated_at FROM users "
      "WHERE username = $1",
      {username})));
}

Result<std::vector<User>> list_users(Connection& connection) {
  return users_of(TRY(connection.run(
      "SELECT id, username, first_name, last_name, role, inserted_at, updated_at FROM users "
      "ORDER BY inserted_at, id")));
}

Result<int64_t> count_users(Connection& connection) {
  return TRY(connection.run("SELECT count(*) FROM users"))[0].integer(0);
}

Result<std::optional<User>> first_owner(Connection& connection) {
  return one_user(TRY(connection.run(
      "SELECT id, username, first_name, last_name, role, inserted_at, updated_at FROM users "
      "WHERE role = 'owner' ORDER BY inserted_at, id LIMIT 1")));
}

Result<int64_t> count_users_of_role(Connection& connection, Role role) {
  return TRY(connection.run("SELECT count(*) FROM users WHERE role = $1",
                            {std::string(domain::to_string(role))}))[0]
      .integer(0);
}

Status insert_user(Connection& connection, const User& user, const std::string& password_hash) {
  const Value hash = password_hash.empty() ? Value(nullptr) : Value(password_hash);
  TRY(connection.run(
      "INSERT INTO users (id, username, first_name, last_name, role, password_hash, inserted_at, "
      "updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
      {user.id, user.username, user.first_name, or_null(user.last_name),
       std::string(domain::to_string(user.role)), hash, user.inserted_at, user.updated_at}));
  return {};
}

Status update_user(Connection& connection, const User& user) {
  TRY(connection.run(
      "UPDATE users SET username = $2, first_name = $3, last_name = $4, role = $5, "
      "updated_at = $6 WHERE id = $1",
      {user.id, user.username, user.first_name, or_null(user.last_name),
       std::string(domain::to_string(user.role)), user.updated_at}));
  return {};
}

Status set_password(Connection& connection, const std::string& user_id,
                    const std::string& password_hash) {
  TRY(connection.run("UPDATE users SET password_hash = $2 WHERE id = $1",
                     {user_id, password_hash}));
  return {};
}

Result<std::string> password_hash_of(Connection& connection, const std::string& user_id) {
  const Rows rows =
      TRY(connection.run("SELECT password_hash FROM users WHERE id = $1", {user_id}));
  return rows.empty() ? std::string() : rows[0].text_or_null(0).value_or("");
}

Status delete_user(Connection& connection, const std::string& id) {
  TRY(connection.run("DELETE FROM users WHERE id = $1", {id}));
  return {};
}

Result<std::optional<Workspace>> find_workspace(Connection& connection, const std::string& id) {
  return one_workspace(TRY(connection.run(
      "SELECT id, name, inserted_at, updated_at FROM workspaces WHERE id = $1", {id})));
}

Result<std::optional<Workspace>> find_workspace_named(Connection& connection,
                                                      const std::string& name) {
  return one_workspace(TRY(connection.run(
      "SELECT id, name, inserted_at, updated_at FROM workspaces WHERE name = $1", {name})));
}

Result<std::vector<Workspace>> list_workspaces(Connection& connection) {
  return workspaces_in(TRY(connection.run(
      "SELECT id, name, inserted_at, updated_at FROM workspaces ORDER BY inserted_at, id")));
}

Result<std::vector<Workspace>> workspaces_of(Connection& connection, const std::string& user_id) {
  return workspaces_in(TRY(connection.run(
      "SELECT w.id, w.name, w.inserted_at, w.updated_at FROM workspaces w "
      "JOIN workspace_users m ON m.workspace_id = w.id WHERE m.user_id = $1 "
      "ORDER BY w.inserted_at, w.id",
      {user_id})));
}

Status insert_workspace(Connection& connection, const Workspace& workspace) {
  TRY(connection.run(
      "INSERT INTO workspaces (id, name, inserted_at, updated_at) VALUES ($1, $2, $3, $4)",
      {workspace.id, workspace.name, workspace.inserted_at, workspace.updated_at}));
  return {};
}

Status delete_workspace(Connection& connection, const std::string& id) {
  TRY(connection.run("DELETE FROM workspaces WHERE id = $1", {id}));
  return {};
}

Result<bool> has_datasets(Connection& connection, const std::string& workspace_id) {
  return !TRY(connection.run("SELECT 1 FROM datasets WHERE workspace_id = $1 LIMIT 1",
                             {workspace_id}))
              .empty();
}

Result<std::vector<User>> members_of(Connection& connection, const std::string& workspace_id) {
  return users_of(TRY(connection.run(
      "SELECT u.id, u.username, u.first_name, u.last_name, u.role, u.inserted_at, u.updated_at "
      "FROM users u JOIN workspace_users m ON m.user_id = u.id WHERE m.workspace_id = $1 "
      "ORDER BY m.inserted_at, u.id",
      {workspace_id})));
}

Result<bool> is_member(Connection& connection, const std::string& workspace_id,
                       const std::string& user_id) {
  return !TRY(connection.run(
                  "SELECT 1 FROM workspace_users WHERE workspace_id = $1 AND user_id = $2",
                  {workspace_id, user_id}))
              .empty();
}

Status insert_member(Connection& connection, const std::string& workspace_id,
                     const std::string& user_id) {
  TRY(connection.run(
      "INSERT INTO workspace_users (workspace_id, user_id, inserted_at) VALUES ($1, $2, $3)",
      {workspace_id, user_id, domain::now()}));
  return {};
}

Status delete_member(Connection& connection, const std::string& workspace_id,
                     const std::string& user_id) {
  TRY(connection.run("DELETE FROM workspace_users WHERE workspace_id = $1 AND user_id = $2",
                     {workspace_id, user_id}));
  return {};
}

}  // namespace attune::store
