// After a deliberate forgetting (forget.h): what was overwritten leaves the files of an SQLite data
// base too. Overwritten and deleted rows do so by themselves (secure_delete); words do not, since
// FTS5 notes that they are gone and keeps them until it merges; the log keeps pages as they were.
#pragma once

#include <cstdint>
#include <string>

#include "server/store/database.h"

namespace attune::store {

// Rewrites the text index without what is gone, in steps between which others write, then empties
// the log; where somebody reads for so long that this cannot be done, a warning says so. Takes
// about as long as writing the index once: seconds for a million records. Errors: those of a write.
Status erase_forgotten_in_sqlite(Database& database, const std::string& path);

}  // namespace attune::store
