// Tells webhooks of records and answers, inside the write that changes them.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "server/api/endpoint.h"
#include "server/domain/dataset.h"
#include "server/domain/record.h"
#include "server/store/records.h"

namespace attune::api {

// record.created or record.updated, and record.completed where it is now.
Answer<void> tell_of_records(const Call& call, store::Connection& connection,
                             const domain::Schema& schema,
                             std::span<const store::WrittenRecord> written);
Answer<void> tell_of_deleted_records(const Call& call, store::Connection& connection,
                                     const domain::Schema& schema,
                                     std::span<const domain::Record> records);
// "response.created", "response.updated" or "response.deleted"; then record.completed for the
// records (their positions) that the answer completed.
Answer<void> tell_of_response(const Call& call, store::Connection& connection,
                              const domain::Schema& schema, std::string_view event,
                              const domain::Response& response,
                              std::span<const int64_t> completed);

}  // namespace attune::api
