// A consistent copy of an SQLite data base while others write to it.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace attune::store {

// Writes `target` (a temporary name beside it, synced, renamed); the copy is one file without a log
// beside it and has passed SQLite's own check of integrity.
Status back_up_sqlite(const std::string& source, const std::string& target,
                      int64_t busy_timeout_ms);

}  // namespace attune::store
