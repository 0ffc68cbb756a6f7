// The data base of a fleet: PostgreSQL through libpq. database.h is the manual.
#pragma once

#include <memory>

#include "server/store/database.h"

namespace attune::store {

Result<std::unique_ptr<Database>> open_postgres(const DatabaseOptions& options);

}  // namespace attune::store
