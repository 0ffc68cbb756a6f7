#include "server/api/endpoints.h"
#include "server/api/or_null.h"

#include "server/api/accounts/people.h"
#include "server/api/audit.h"
#include "server/api/schema_check.h"
#include "server/api/transaction.h"
#include "server/auth/accounts.h"

namespace attune::api {
namespace {

using http::json_response;
using http::Method;
using http::Response;
using store::Connection;

constexpr double kLongestDays = 3650;
constexpr int64_t kDay_us = 24LL * 3600 * 1'000'000;

OrderedJson key_json(const store::ApiKey& key) {
  return {{"id", key.id},
          {"user_id", key.user_id},
          {"name", key.name},
          {"prefix", key.prefix},
          {"scope", key.scope},
          {"expires_at", or_null(key.expires_at)},
          {"inserted_at", key.inserted_at},
          {"last_used_at", or_null(key.last_used_at)}};
}

Answer<Response> list_of(const Call& call, const std::string& user_id) {
  return answer_read(call.database(), [&](Connection& connection) -> Answer<Response> {
    TRY(found_user(connection, user_id));
    OrderedJson items = OrderedJson::array();
    const auto keys = TRY(store::api_keys_of(connection, user_id));
    for (const store::ApiKey& key : keys) items.push_back(key_json(key));
    return json_response(200, {{"items", std::move(items)}});
  });
}

Answer<Response> create_for(const Call& call, const std::string& user_id) {
  const OrderedJson json = TRY(call.body());
  SchemaReader body(json, "body");
  const std::string name = body.text("name", {.min = 1, .max = 200, .strip = true});
  const std::string scope_name = body.choice_or("scope", "write", {"read", "write", "admin"});
  const auto days = body.number_or_null("expires_in_days", {.gt = 0, .le = kLongestDays});
  body.no_others();
  TRY(body.done());
  const auth::Scope scope = *auth::scope_named(scope_name);
  if (scope > call.identity.scope) {
    return forbidden(fmt::format("A key with the scope `{}` cannot make one with `{}`",
                                 auth::to_string(call.identity.scope), scope_name));
  }
  std::optional<std::string> expires_at;
  if (days) {
    expires_at = domain::format_time(domain::now_us() +
                                     static_cast<int64_t>(*days * static_cast<double>(kDay_us)));
  }
  const auto made = auth::Accounts::new_key(user_id, name, scope, expires_at);
  const Answer<void> stored =
      answer_write(call.database(), [&](Connection& connection) -> Answer<void> {
        TRY(found_user(connection, user_id));
        TRY(store::insert_api_key(connection, made.key));
        TRY(audit(connection, call, "key.create", made.key.id,
                  {{"user_id", user_id}, {"name", name}, {"scope", scope_name}}));
        return {};
      });
  TRY(stored);
  OrderedJson shown = key_json(made.key);
  shown["api_key"] = made.secret;  // this once
  return json_response(201, shown);
}

Answer<Response> list_own(const Call& call) {
  return list_of(call, call.user->id);
}

Answer<Response> create_own(const Call& call) {
  return create_for(call, call.user->id);
}

Answer<Response> list_others(const Call& call) {
  return list_of(call, TRY(call.path_id("user_id")));
}

Answer<Response> create_others(const Call& call) {
  return create_for(call, TRY(call.path_id("user_id")));
}

Answer<Response> revoke(const Call& call) {
  const std::string id = TRY(call.path_id("key_id"));
  const Answer<void> done =
      answer_write(call.database(), [&](Connection& connection) -> Answer<void> {
        const auto key = TRY(store::find_api_key(connection, id));
        // Of somebody else's key only owners learn that it is there.
        const bool own = key && key->user_id == call.user->id;
        if (!key || (!own && call.user->role != domain::Role::kOwner)) {
          return detail(404, fmt::format("API key with id `{}` not found", id));
        }
        TRY(store::delete_api_key(connection, id));
        TRY(audit(connection, call, "key.revoke", id,
                  {{"user_id", key->user_id}, {"name", key->name}}));
        return {};
      });
  TRY(done);
  return http::empty_response(204);
}

}  // namespace

void add_api_key_endpoints(Endpoints& endpoints) {
  const auto add = [&](Method method, const char* path, Access access, const char* summary,
                       auto handle, OrderedJson schema) {
    endpoints.push_back({method, path, access, summary, handle, std::move(schema)});
  };
  const OrderedJson made = {{"body", "ApiKeyCreate"}, {"response", "ApiKey"}, {"status", 201}};
  add(Method::kGet, "/api/attune/v1/me/keys", Access::kAnyone, "One's own API keys", list_own,
      {{"response", "ApiKeys"}});
  add(Method::kPost, "/api/attune/v1/me/keys", Access::kAnyone,
      "Make an API key; it is shown this once", create_own, made);
  add(Method::kGet, "/api/attune/v1/users/{user_id}/keys", Access::kOwners,
      "The API keys of a user", list_others, {{"response", "ApiKeys"}});
  add(Method::kPost, "/api/attune/v1/users/{user_id}/keys", Access::kOwners,
      "Make an API key for a user; it is shown this once", create_others, made);
  add(Method::kDelete, "/api/attune/v1/keys/{key_id}", Access::kAnyone, "Revoke an API key",
      revoke, {{"status", 204}});
}

}  // namespace attune::api
