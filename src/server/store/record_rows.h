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

// Adds to (or takes from) the count of the data set's records.
Status change_record_count(Connection& connection, int64_t dataset, int64_t by);

}  // namespace attune::store
