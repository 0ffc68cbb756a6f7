// Versions of a data set's guidelines. Nothing is overwritten: each change makes a version, and an
// answer is stamped with the one that stood then (store/response_history.h).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/domain/dataset.h"
#include "server/store/database.h"

namespace attune::store {

struct GuidelineVersion {
  int64_t version = 0;  // from 1
  std::string text;     // "" where the guidelines were taken away
  std::optional<std::string> author_id;
  std::string at;
};

// What dataset.guidelines says becomes the next version. Gives its number. Called after the row of
// the data set was written in the same write: its lock keeps two changes apart.
Result<int64_t> add_guideline_version(Connection& connection, const domain::Dataset& dataset,
                                      const std::string& author_id);

// Oldest first; the last one stands now.
Result<std::vector<GuidelineVersion>> list_guideline_versions(Connection& connection,
                                                              const domain::Dataset& dataset);
Result<std::optional<GuidelineVersion>> find_guideline_version(Connection& connection,
                                                               const domain::Dataset& dataset,
                                                               int64_t version);
// The number of the last one, 0 without any.
Result<int64_t> current_guideline_version(Connection& connection, const domain::Dataset& dataset);

// How many answers were written under each version (0: under none), changes of answers counted. It
// goes through the whole history: about a second for a few million answers.
Result<std::map<int64_t, int64_t>> answers_by_guideline_version(Connection& connection,
                                                                const domain::Dataset& dataset);

}  // namespace attune::store
