// Data sets: their rows, and everything a record is checked against in one call. Settings (fields,
// questions, metadata properties, vectors) one by one are in settings.h, versions of guidelines in
// guidelines.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/domain/dataset.h"
#include "server/store/database.h"

namespace attune::store {

// A data set with all its settings, or nothing. Five short look-ups by index.
Result<std::optional<domain::Schema>> load_schema(Connection& connection, const std::string& id);
Result<std::optional<domain::Dataset>> find_dataset(Connection& connection, const std::string& id);

struct DatasetFilter {
  std::optional<std::string> workspace_id, name;
  std::optional<bool> published;
  std::optional<std::string> member_id;  // in workspaces of this person only
};
// In the order of making.
Result<std::vector<domain::Dataset>> list_datasets(Connection& connection,
                                                   const DatasetFilter& filter);

// Writes a new row and fills in its position. Errors: kConflict for a name that the workspace has.
Status insert_dataset(Connection& connection, domain::Dataset& dataset);
// Writes all that may change. Errors as of insert_dataset.
Status update_dataset(Connection& connection, const domain::Dataset& dataset);
// Deletes it with its settings, records and all that hangs on those. The history of answers and the
// versions of its guidelines stay: they are never written over, and positions are not used twice.
Status delete_dataset(Connection& connection, const domain::Dataset& dataset);

// Notes that people were at work here. Written at most once a second for each data set, so that
// answers do not queue up for one row. `last_activity_at`: as this write has read it.
Status touch_dataset(Connection& connection, const domain::Dataset& dataset,
                     const std::string& last_activity_at);

}  // namespace attune::store
