// Many records at once, for endpoints that make them from something else.
#pragma once

#include <cstdint>
#include <string>

#include "server/api/endpoint.h"

namespace attune::api {

// What PUT /datasets/{id}/records/bulk does with these records (1 to kRecordsPerBulk, all or none),
// rights, checks and events included, with a line of the audit log: `action` and how many. Gives
// how many were written.
Answer<int64_t> upsert_records(const Call& call, const std::string& dataset_id,
                               const OrderedJson& items, const std::string& action);

}  // namespace attune::api
