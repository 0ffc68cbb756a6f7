// Snapshots of data sets: made whole in one write, read in pages, forgotten in part.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/domain/dataset.h"
#include "server/domain/snapshot.h"
#include "server/store/database.h"

namespace attune::store {

Result<std::optional<domain::Snapshot>> find_snapshot(Connection& connection,
                                                      const std::string& id);
Result<std::optional<domain::Snapshot>> find_snapshot_named(Connection& connection,
                                                            const domain::Dataset& dataset,
                                                            const std::string& name);
// In the order of making.
Result<std::vector<domain::Snapshot>> list_snapshots(Connection& connection,
                                                     const domain::Dataset& dataset);

// Fills in the position. Errors: kConflict for a name that the data set's snapshots have.
Status insert_snapshot(Connection& connection, const domain::Dataset& dataset,
                       domain::Snapshot& snapshot);
struct SnapshotRow {
  int64_t number = 0;  // from 1, in the order of records
  std::string record_id;
  std::string text;  // the row of the jsonl export
};
Status add_snapshot_rows(Connection& connection, const domain::Snapshot& snapshot,
                         std::span<const SnapshotRow> rows);
// Sets hash and counts once all rows are there.
Status complete_snapshot(Connection& connection, const domain::Snapshot& snapshot);

// Up to `limit` rows behind the number `after`.
Result<std::vector<SnapshotRow>> snapshot_page(Connection& connection, int64_t snapshot,
                                               int64_t after, int64_t limit);

// With the texts that no other snapshot has.
Status delete_snapshot(Connection& connection, const domain::Snapshot& snapshot);
Status delete_snapshots_of(Connection& connection, const domain::Dataset& dataset);

// Tombstones in all snapshots; hashes stay as they are. How many rows.
Result<int64_t> forget_in_snapshots(Connection& connection, std::span<const Value> record_ids);
Result<int64_t> forget_person_in_snapshots(Connection& connection, const std::string& user_id);
// Whether a snapshot holds what this person decided on others' answers.
Result<bool> decided_in_snapshots(Connection& connection, const std::string& user_id);

}  // namespace attune::store
