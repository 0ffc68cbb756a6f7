#include "server/auth/identity.h"

#include "base/check.h"

namespace attune::auth {

std::string_view to_string(Scope scope) {
  switch (scope) {
    case Scope::kRead: return "read";
    case Scope::kWrite: return "write";
    case Scope::kAdmin: return "admin";
  }
  CHECK(false, "a scope that is none: {}", static_cast<int>(scope));
}

std::optional<Scope> scope_named(std::string_view name) {
  for (Scope scope : {Scope::kRead, Scope::kWrite, Scope::kAdmin}) {
    if (to_string(scope) == name) return scope;
  }
  return std::nullopt;
}

}  // namespace attune::auth
