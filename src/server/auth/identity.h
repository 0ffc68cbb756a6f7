// Who a request comes from, and what its credentials allow.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/domain/user.h"

namespace attune::auth {

// What an API key may do at most, whoever owns it: read < write < admin. `write` leaves out what
// only owners do (users, workspaces, webhooks, keys).
enum class Scope { kRead, kWrite, kAdmin };
std::string_view to_string(Scope scope);
std::optional<Scope> scope_named(std::string_view name);

// kKey: X-Argilla-Api-Key. kBearer: a token of POST /token. kCookie: a browser's session.
enum class Credential { kKey, kBearer, kCookie };

struct Identity {
  domain::User user;
  Credential credential = Credential::kKey;
  Scope scope = Scope::kAdmin;
  std::string key_id;      // of an API key; "" for the development key
  std::string session;     // the hash of the session, for logging out
  std::string csrf_token;  // of a cookie's session
  // The settings' generation (store/settings_generation.h) at which this was so.
  int64_t generation = 0;
};

}  // namespace attune::auth
