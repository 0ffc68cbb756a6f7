// From the id in a path to the data set or record that the caller may work with. What is not there
// is 404 in the contract's words; what is not the caller's, 403.
#pragma once

#include <string>

#include "server/api/endpoint.h"
#include "server/domain/dataset.h"
#include "server/domain/record.h"
#include "server/store/database.h"

namespace attune::api {

// Reads: a member of its workspace. Reviews: who also sees others' answers. Manages: an admin.
enum class Right { kRead, kReview, kManage };

Answer<domain::Schema> schema_for(const Call& call, store::Connection& connection,
                                  const std::string& dataset_id, Right right);

struct PlacedRecord {
  int64_t position = 0;
  domain::Schema schema;
};
Answer<PlacedRecord> record_for(const Call& call, store::Connection& connection,
                                const std::string& record_id, Right right);

// An annotator: own answers, and of metadata what is meant for annotators.
bool sees_own_answers_only(const Call& call);
bool sees_all_metadata(const Call& call);
// Leaves the declared properties that are visible for annotators.
void hide_metadata(const domain::Schema& schema, domain::Record& record);

}  // namespace attune::api
