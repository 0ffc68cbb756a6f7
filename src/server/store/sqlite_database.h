// The data base in a file beside the server. database.h is the manual.
#pragma once

#include <memory>
#include <string>

#include "server/store/database.h"

namespace attune::store {

Result<std::unique_ptr<Database>> open_sqlite(const std::string& path,
                                              const DatabaseOptions& options);

}  // namespace attune::store
