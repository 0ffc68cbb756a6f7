// Changes of records against the rules of their data set (domain/values.h).
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "server/api/answer.h"
#include "server/domain/dataset.h"
#include "server/domain/record_change.h"
#include "server/store/database.h"

namespace attune::api {

// Checks a batch and brings its values to their stored form. `matched`: the record that each
// changes (store::match_records). The first that is wrong fails it: 422 with
// "Record at position N is not valid because ...", counted from 0.
Answer<void> check_record_changes(store::Connection& connection, const domain::Schema& schema,
                                  std::span<domain::RecordChange> changes,
                                  std::span<const std::optional<domain::Record>> matched);
// One record by itself: the reason alone.
Answer<void> check_record_change(store::Connection& connection, const domain::Schema& schema,
                                 domain::RecordChange& change, const domain::Record* existing);

}  // namespace attune::api
