// The values of metadata as properties see them: filed when a property is declared for records that
// are there already, and counted.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/domain/dataset.h"
#include "server/store/database.h"

namespace attune::store {

// Files the metadata of all records under a property that was declared just now. What does not fit
// it stays in the record as it is; text is not filed as a number.
Status index_metadata(Connection& connection, const domain::Dataset& dataset,
                      const domain::MetadataProperty& property);

struct MetadataMetrics {
  int64_t total = 0;                                   // of values
  std::vector<std::pair<std::string, int64_t>> terms;  // most frequent first, then by name
  std::optional<double> min, max;
};
Result<MetadataMetrics> metadata_metrics(Connection& connection,
                                         const domain::MetadataProperty& property);

}  // namespace attune::store
