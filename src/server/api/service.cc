#include "server/api/service.h"

#include "base/resident.h"
#include "server/api/endpoints.h"

namespace attune::api {
namespace {

using http::json_response;
using http::Method;
using http::Response;

Answer<Response> version(const Call& call) {
  return json_response(200, {{"version", kContractVersion}, {"attune", call.services.version}});
}

Answer<Response> status(const Call& call) {
  const bool sqlite = call.database().dialect() == store::Dialect::kSqlite;
  return json_response(200, {{"version", kContractVersion},
                             {"search_engine", {{"name", sqlite ? "SQLite" : "PostgreSQL"}}},
                             {"memory", memory_json()},
                             {"attune", call.services.version}});
}

Answer<Response> settings(const Call&) {
  return json_response(200, {{"argilla", {{"share_your_progress_enabled", false}}}});
}

Answer<Response> no_providers(const Call&) {
  return json_response(200, {{"items", OrderedJson::array()}});
}

Answer<Response> no_provider(const Call& call) {
  return detail(404, fmt::format("OAuth Provider '{}' not found: this server offers no login "
                                 "through other providers; log in by user name and password, or "
                                 "use an API key",
                                 call.request.path_values.find("provider")->second));
}

}  // namespace

OrderedJson memory_json() {
  return {{"resident_bytes", resident_bytes()}};
}

void add_service_endpoints(Endpoints& endpoints) {
  const auto add = [&](const char* path, const char* summary, auto handle, OrderedJson schema) {
    endpoints.push_back(
        {Method::kGet, path, Access::kPublic, summary, handle, std::move(schema)});
  };
  add("/api/v1/version", "The contract's version", version, {{"response", "Version"}});
  add("/api/v1/status", "The server's state", status, {{"response", "Status"}});
  add("/api/v1/settings", "What the interface asks before the login", settings,
      {{"response", "Settings"}});
  add("/api/v1/oauth2/providers", "Providers of logins: none", no_providers, {});
  add("/api/v1/oauth2/providers/{provider}/authentication", "Refused: no providers", no_provider,
      {{"status", 404}});
  add("/api/v1/oauth2/providers/{provider}/access-token", "Refused: no providers", no_provider,
      {{"status", 404}});
}

}  // namespace attune::api
