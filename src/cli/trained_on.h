// Which runs were trained on rows that somebody wants forgotten: a model keeps what it learned, so
// whoever forgets must hear of its checkpoints.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/result.h"

namespace attune::cli {

// What is looked for in the rows that a run read.
struct WantedRows {
  std::set<std::string> records;  // a row's `id`, or its source's row
  std::string annotator;          // "" for anybody
};

struct TouchedRun {
  std::string directory;
  std::vector<std::string> files;        // that the run read and that still hold such rows
  std::vector<std::string> unread;       // named by its lineage and not there any more
  std::vector<std::string> checkpoints;  // folders of models: final, checkpoints/step-N
};

// Looks into the run directory: its lineage.json names the files that it read. Nothing of a run
// that read no such row and whose files are all there. Errors: a folder that is no run.
Result<TouchedRun> trained_on(const std::string& run_directory, const WantedRows& wanted);

}  // namespace attune::cli
