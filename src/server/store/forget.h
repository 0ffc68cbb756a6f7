// Deliberate forgetting: content is replaced by a tombstone wherever it is kept, in the rows, their
// history, the side tables, snapshots and the text index; messages to webhooks that hold it and
// wait are dropped. What stays are ids, times, statuses and, in the history and in snapshots, a
// SHA-256 of what was there, so that it can still be told that something was, and that a copy
// elsewhere is a copy of it. Deleting a person or record in the ordinary way keeps more.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/domain/dataset.h"
#include "server/domain/record.h"
#include "server/store/database.h"

namespace attune::store {

// What stands in a text that was forgotten.
inline constexpr const char* kForgottenText = "[forgotten]";

struct ForgottenCounts {
  int64_t records = 0, answers = 0, history_rows = 0, comments = 0, snapshot_rows = 0;
};

// {"records","answers","history_rows","comments","snapshot_rows"}
OrderedJson to_json(const ForgottenCounts& counts);

// Records of the data set: every text of their fields, their metadata, external id, vectors,
// suggestions, answers of everybody, decisions on them, comments and earlier versions. Of records
// that were deleted before, what history and snapshots still hold. Errors: kNotFound for an id of
// which nothing is there; nothing is forgotten then if the caller's write ends with it.
Result<ForgottenCounts> forget_records(Connection& connection, const domain::Schema& schema,
                                       const std::vector<std::string>& record_ids);

// All that a person said, in all data sets: values of answers with their history, decisions on
// answers of others, and comments. They may have been deleted before. Records stay as complete as
// they are. Errors: kNotFound where nobody has this id and nothing is there that somebody with it
// said.
Result<ForgottenCounts> forget_person(Connection& connection, const std::string& user_id);

}  // namespace attune::store
