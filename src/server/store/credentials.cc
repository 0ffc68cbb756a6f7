#include "server/store/credentials.h"

#include "server/domain/identity.h"

namespace attune::store {
namespace {

constexpr std::string_view kKeyColumns =
    "k.id, k.user_id, k.hash, k.prefix, k.name, k.scope, k.expires_at, k.inserted_at, "
    "k.last_used_at";

ApiKey key_of(const Row& row) {
  ApiKey key;
  key.id = row.text(0);
  key.user_id = row.text(1);
  key.hash = row.text(2);
  key.prefix = row.text(3);
  key.name = row.text(4);
  key.scope = row.text(5);
  key.expires_at = row.text_or_null(6);
  key.inserted_at = row.text(7);
  key.last_used_at = row.text_or_null(8);
  return key;
}

domain::User user_from(const Row& row, size_t first) {
  domain::User user;
  user.id = row.text(first);
  user.username = row.text(first + 1);
  user.first_name = row.text(first + 2);
  user.last_name = row.text_or_null(first + 3);
  user.role = domain::role_of(row.text(first + 4)).value_or(domain::Role::kAnnotator);
  user.inserted_at = row.text(first + 5);
  user.updated_at = row.text(first + 6);
  return user;
}

const std::string& key_query(bool by_id) {
  static const std::string start = "SELECT " + std::string(kKeyColumns) + " FROM api_keys k WHERE ";
  static const std::string id = start + "k.id = $1";
  static const std::string user = start + "k.user_id = $1 ORDER BY k.inserted_at, k.id";
  return by_id ? id : user;
}

}  // namespace

Status insert_api_key(Connection& connection, const ApiKey& key) {
  TRY(connection.run(
      "INSERT INTO api_keys (id, user_id, hash, prefix, name, scope, expires_at, inserted_at) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
      {key.id, key.user_id, key.hash, key.prefix, key.name, key.scope, or_null(key.expires_at),
       key.inserted_at}));
  return {};
}

Result<std::vector<ApiKey>> api_keys_of(Connection& connection, const std::string& user_id) {
  std::vector<ApiKey> keys;
  for (const Row& row : TRY(connection.run(key_query(false), {user_id}))) {
    keys.push_back(key_of(row));
  }
  return keys;
}

Result<std::optional<ApiKey>> find_api_key(Connection& connection, const std::string& id) {
  const Rows rows = TRY(connection.run(key_query(true), {id}));
  if (rows.empty()) return std::optional<ApiKey>();
  return std::optional(key_of(rows[0]));
}

Status delete_api_key(Connection& connection, const std::string& id) {
  TRY(connection.run("DELETE FROM api_keys WHERE id = $1", {id}));
  return {};
}

Status set_last_used(Connection& connection, const std::string& key_id, const std::string& at) {
  TRY(connection.run("UPDATE api_keys SET last_used_at = $2 WHERE id = $1", {key_id, at}));
  return {};
}

Status insert_session(Connection& connection, const Session& session) {
  TRY(connection.run(
      "INSERT INTO sessions (hash, user_id, csrf_token, kind, expires_at, inserted_at) "
      "VALUES ($1, $2, $3, $4, $5, $6)",
      {session.hash, session.user_id, session.csrf_token, session.kind, session.expires_at,
       domain::now()}));
  return {};
}

Status delete_session(Connection& connection, const std::string& hash) {
  TRY(connection.run("DELETE FROM sessions WHERE hash = $1", {hash}));
  return {};
}

Status delete_sessions_of(Connection& connection, const std::string& user_id,
                          const std::string& kept_hash) {
  TRY(connection.run("DELETE FROM sessions WHERE user_id = $1 AND hash <> $2",
                     {user_id, kept_hash}));
  return {};
}

Status delete_expired_sessions(Connection& connection, const std::string& now) {
  TRY(connection.run("DELETE FROM sessions WHERE expires_at <= $1", {now}));
  return {};
}

Result<std::optional<KeyAndUser>> find_key_by_hash(Connection& connection,
                                                   const std::string& hash) {
  static const std::string query =
      "SELECT " + std::string(kKeyColumns) +
      ", u.id, u.username, u.first_name, u.last_name, u.role, u.inserted_at, u.updated_at "
      "FROM api_keys k JOIN users u ON u.id = k.user_id WHERE k.hash = $1";
  const Rows rows = TRY(connection.run(query, {hash}));
  if (rows.empty()) return std::optional<KeyAndUser>();
  return std::optional(KeyAndUser{key_of(rows[0]), user_from(rows[0], 9)});
}

Result<std::optional<SessionAndUser>> find_session_by_hash(Connection& connection,
                                                           const std::string& hash) {
  const Rows rows = TRY(connection.run(
      "SELECT s.hash, s.user_id, s.csrf_token, s.kind, s.expires_at, "
      "u.id, u.username, u.first_name, u.last_name, u.role, u.inserted_at, u.updated_at "
      "FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.hash = $1",
      {hash}));
  if (rows.empty()) return std::optional<SessionAndUser>();
  const Row& row = rows[0];
  Session session{row.text(0), row.text(1), row.text(2), row.text(3), row.text(4)};
  return std::optional(SessionAndUser{std::move(session), user_from(row, 5)});
}

}  // namespace attune::store
