// lineage.json: which model, data, code and guideline versions made a run's result. Hashes are
// SHA-256 of files as they lay on disk, so that a checkpoint can be traced back to rows and people.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "protocol/job.h"

namespace attune::engine::train {

// Writes `output_dir`/lineage.json. `guidelines` counts trained rows by guideline version.
Status write_lineage(const protocol::Job& job, const std::map<std::string, int64_t>& guidelines);

// One hash over the files of these members ("model", "adapter", the option of another model) of a
// run's lineage.json, whatever their folder is called; absent members count as empty.
Result<std::string> lineage_hash(const std::string& run_directory,
                                 const std::vector<std::string>& members);

}  // namespace attune::engine::train
