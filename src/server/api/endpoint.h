// One table of endpoints: method, path, who may call it, what it does. The router, openapi.json and
// the test of roles all come from it.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/api/answer.h"
#include "server/api/settings_cache.h"
#include "server/auth/identity.h"
#include "server/domain/user.h"
#include "server/http/message.h"
#include "server/store/database.h"

namespace attune::auth {
class Accounts;  // auth/accounts.h: passwords, keys and sessions
}

namespace attune::api {

// Who may call. What depends on a workspace (an admin or annotator must be a member of the one that
// holds the data set or record) is checked by the handler through api/access.h; the test that walks
// all routes and roles covers both.
enum class Access {
  kPublic,     // no credentials
  kAnyone,     // any user who is known
  kReviewers,  // owner, admin, reviewer
  kAdmins,     // owner, admin
  kOwners,     // owner
};

class Events;  // api/events.h: webhooks and event streams learn what happened

// What all endpoints share; lives as long as the server. Thread-safe.
struct Services {
  store::Database* database = nullptr;
  Events* events = nullptr;
  auth::Accounts* accounts = nullptr;
  SettingsCache settings = {};
  std::string version;  // of the program
  // Webhooks may name addresses inside the network (--allow_private_webhooks).
  bool allow_private_webhooks = false;
  // What the people who keep the server running ask (api/health.cc).
  std::function<std::string()> metrics_text = {};
  std::string metrics_token;             // "": only programs on this machine may read /metrics
  std::atomic<bool> draining = false;    // no new connection; what runs may end in its time
  // That time is over and connections are cut: whoever works long asks between two parts of the
  // work, and ends with `server_ended`.
  std::atomic<bool> ended = false;
};

// 503 of work that the server's end broke off.
Failure server_ended();

struct Call {
  const http::Request& request;
  Services& services;
  std::optional<domain::User> user;  // set unless the endpoint is public
  std::string presented_key;         // the API key that came with the request, "" otherwise
  auth::Identity identity;           // how the user was known; says nothing where `user` is unset

  store::Database& database() const { return *services.database; }
  // The {name} of the path as a canonical UUID, or 422 in the contract's words.
  Answer<std::string> path_id(std::string_view name) const;
  // The body as JSON; 422 in the contract's words where it is none.
  Answer<OrderedJson> body() const;
};

struct Endpoint {
  http::Method method;
  std::string path;     // "/api/v1/datasets/{dataset_id}"
  Access access;
  std::string summary;  // one line, for openapi.json
  std::function<Answer<http::Response>(const Call&)> handle;
  // For openapi.json: {"query":"name?:text","body":"UserCreate","response":"User","status":201},
  // or {"type":"text/plain"} for an answer that is no JSON; all optional; the names are schemas of
  // openapi/openapi_schemas.cc, where the notation stands. Null: what openapi_routes.cc says.
  OrderedJson schema = nullptr;
  // A POST that only reads (a search): a key with the scope `read` may call it.
  bool only_reads = false;
};

using Endpoints = std::vector<Endpoint>;

// Each file of api/ adds its own: add_user_endpoints(Endpoints&), add_dataset_endpoints, ...;
// endpoints.h puts them together.

// What an API key must be allowed for this: reading is `read`, administration (kOwners) is `admin`,
// everything else `write`.
auth::Scope scope_of(const Endpoint& endpoint);
// Whether a user of this role passes the table's check.
bool admits(Access access, domain::Role role);

}  // namespace attune::api
