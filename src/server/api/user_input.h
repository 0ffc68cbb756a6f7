// What a body may say of a person, shared by the endpoints that read one.
#pragma once

#include <optional>

#include "server/api/people.h"
#include "server/api/schema_check.h"

namespace attune::api {

// The contract's `role`, or `attune_role`, which also knows `reviewer` and wins.
std::optional<domain::Role> read_role(SchemaReader& body);

TextRule password_rule();
TextRule person_name_rule();

}  // namespace attune::api
