#include "server/api/endpoint.h"

#include "server/api/schema_check.h"
#include "server/domain/identity.h"

namespace attune::api {

Answer<std::string> Call::path_id(std::string_view name) const {
  const auto found = request.path_values.find(name);
  CHECK(found != request.path_values.end(), "the route has no {{{}}}", name);
  std::string canonical = domain::canonical_id(found->second);
  if (!canonical.empty()) return canonical;
  // What is wrong with it, in the contract's words.
  OrderedJson path = {{found->first, found->second}};
  SchemaReader reader(path, "path");
  std::string id = reader.id(name);
  TRY(reader.done());
  return id;
}

Answer<OrderedJson> Call::body() const {
  if (request.body.empty()) {
    return schema_failure({{"missing", OrderedJson::array({"body"}), "Field required"}});
  }
  Result<OrderedJson> json = parse_ordered_json(request.body);
  if (!json.ok()) {
    return schema_failure({{"json_invalid", OrderedJson::array({"body", 0}),
                            "JSON decode error: " + json.error().message()}});
  }
  return std::move(json).value();
}

Failure server_ended() {
  return detail(503, "The server stopped before this was done: try again when it is back");
}

auth::Scope scope_of(const Endpoint& endpoint) {
  const bool reads = endpoint.method == http::Method::kGet || endpoint.only_reads;
  if (reads) return auth::Scope::kRead;
  return endpoint.access == Access::kOwners ? auth::Scope::kAdmin : auth::Scope::kWrite;
}

bool admits(Access access, domain::Role role) {
  using domain::Role;
  switch (access) {
    case Access::kPublic:
    case Access::kAnyone: return true;
    case Access::kReviewers: return role != Role::kAnnotator;
    case Access::kAdmins: return role == Role::kOwner || role == Role::kAdmin;
    case Access::kOwners: return role == Role::kOwner;
  }
  return false;
}

}  // namespace attune::api
