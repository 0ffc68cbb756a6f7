#include "server/domain/user.h"

#include "base/check.h"

namespace attune::domain {

std::string_view to_string(Role role) {
  switch (role) {
    case Role::kOwner: return "owner";
    case Role::kAdmin: return "admin";
    case Role::kReviewer: return "reviewer";
    case Role::kAnnotator: return "annotator";
  }
  CHECK(false, "a role that is none: {}", static_cast<int>(role));
}

std::optional<Role> role_of(std::string_view name) {
  for (Role role : {Role::kOwner, Role::kAdmin, Role::kReviewer, Role::kAnnotator}) {
    if (to_string(role) == name) return role;
  }
  return std::nullopt;
}

}  // namespace attune::domain
