// What records were before somebody changed their fields, metadata or external id, or deleted them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/domain/record.h"
#include "server/store/database.h"

namespace attune::store {

struct RecordVersion {
  int64_t number = 0;
  std::string author_id;  // who changed it then
  std::optional<std::string> external_id;
  OrderedJson fields, metadata;
  std::string at;  // when it stopped being so
};

// Keeps these records of one data set as they are, before they are written over or
// deleted.
Status keep_versions(Connection& connection, int64_t dataset,
                     std::span<const domain::Record* const> records, const std::string& author_id);

// Oldest first; the record itself, where it is still there, is the version behind the last.
Result<std::vector<RecordVersion>> versions_of_record(Connection& connection,
                                                      const std::string& record_id);

// The id of the data set that the record is in or, by its history, was in.
Result<std::optional<std::string>> dataset_of_record(Connection& connection,
                                                     const std::string& record_id);

}  // namespace attune::store
