// API keys and sessions in the data base: hashes only, so that a copy of it opens nothing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "server/domain/user.h"
#include "server/store/database.h"

namespace attune::store {

struct ApiKey {
  std::string id, user_id;
  std::string hash;    // SHA-256 of the key, in hexadecimal
  std::string prefix;  // its first characters, to tell keys apart
  std::string name;
  std::string scope;   // "read", "write" or "admin"
  std::optional<std::string> expires_at;
  std::string inserted_at;
  std::optional<std::string> last_used_at;
};

Status insert_api_key(Connection& connection, const ApiKey& key);
Result<std::vector<ApiKey>> api_keys_of(Connection& connection, const std::string& user_id);
Result<std::optional<ApiKey>> find_api_key(Connection& connection, const std::string& id);
Status delete_api_key(Connection& connection, const std::string& id);
Status set_last_used(Connection& connection, const std::string& key_id, const std::string& at);

// A browser's cookie ("cookie") or the token of POST /token ("bearer").
struct Session {
  std::string hash, user_id, csrf_token, kind, expires_at;
};

Status insert_session(Connection& connection, const Session& session);
Status delete_session(Connection& connection, const std::string& hash);
// After a change of password or role: all but `kept_hash`, which may be "".
Status delete_sessions_of(Connection& connection, const std::string& user_id,
                          const std::string& kept_hash);
Status delete_expired_sessions(Connection& connection, const std::string& now);

// A credential and its owner in one look.
struct KeyAndUser {
  ApiKey key;
  domain::User user;
};
struct SessionAndUser {
  Session session;
  domain::User user;
};
Result<std::optional<KeyAndUser>> find_key_by_hash(Connection& connection,
                                                   const std::string& hash);
Result<std::optional<SessionAndUser>> find_session_by_hash(Connection& connection,
                                                           const std::string& hash);

}  // namespace attune::store
