#include "server/api/user_input.h"

namespace attune::api {

std::optional<domain::Role> read_role(SchemaReader& body) {
  const auto role = body.choice_or_null("role", {"owner", "admin", "annotator"});
  const auto own = body.choice_or_null("attune_role", {"owner", "admin", "reviewer", "annotator"});
  if (own) return domain::role_of(*own);
  if (role) return domain::role_of(*role);
  return std::nullopt;
}

TextRule password_rule() {
  return {.min = kPasswordMin, .max = kPasswordMax};
}

TextRule person_name_rule() {
  return {.min = 1, .strip = true};
}

}  // namespace attune::api
