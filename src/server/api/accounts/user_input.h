// What a body may say of a person, shared by the endpoints that read one.
#pragma once

#include <optional>
#include <string>

#include "server/api/accounts/people.h"
#include "server/api/schema_check.h"

namespace attune::api {

// The contract's `role`, or `attune_role`, which also knows `reviewer` and wins.
std::optional<domain::Role> read_role(SchemaReader& body);

// A user name as it was given, or without the blanks around it. One that a list, a log or a form
// would not show as it is (control characters, changes of the direction of writing) is noted as a
// mistake.
std::string read_username(SchemaReader& body, bool strip = false);
std::optional<std::string> read_username_or_null(SchemaReader& body);

TextRule password_rule();
TextRule person_name_rule();

}  // namespace attune::api
