// The schema's versions and how a data base comes to the newest. Each version is a text that never
// changes once it was released; schema_versions in the data base says which were applied, with the
// checksum of their text.
#pragma once

#include <span>
#include <string_view>

#include "server/store/database.h"

namespace attune::store {

struct SchemaVersion {
  int number;            // 1, 2, ...
  std::string_view sql;  // for both data bases (dialect.h)
};

// All versions of this program, in order.
std::span<const SchemaVersion> schema_versions();

// Applies the versions that are missing, all in one transaction, under a lock: of several servers
// that start at once, one does it and the others wait. A data base that is up to date is only read.
// Refused, with what to do: a data base that a newer program made, one whose applied versions had
// another text, one that holds tables of somebody else. `versions` is a parameter for tests.
Status migrate(Connection& connection, std::span<const SchemaVersion> versions = schema_versions());

}  // namespace attune::store
