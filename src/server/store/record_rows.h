// The columns of a record's own row.
#pragma once

#include <string>

#include "server/domain/record.h"
#include "server/store/database.h"

namespace attune::store {

inline constexpr const char* kRecordColumns =
    "position, id, external_id, fields, metadata, completed, inserted_at, updated_at";

// From a row of kRecordColumns.
Result<domain::Record> record_in(const Row& row, const std::string& dataset_id);

}  // namespace attune::store
