// From the id in a path to the record that the caller may work with (for data sets:
// datasets/dataset_access.h), and what of it an annotator sees.
#pragma once

#include <string>

#include "server/api/datasets/dataset_access.h"
#include "server/api/endpoint.h"
#include "server/domain/dataset.h"
#include "server/domain/record.h"
#include "server/store/database.h"

namespace attune::api {

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
