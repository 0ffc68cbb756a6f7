// From `dataset_name` to the files of each split.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace attune::cli {

struct DatasetFiles {
  std::vector<std::string> train;
  std::vector<std::string> evaluation;  // empty when the data has no such split
};

// Each name is a file, a folder or owner/name on a hub (downloaded first). In a folder, a file
// belongs to the split that its name, or its folder's name, begins with (train.jsonl,
// data/test-00000.json); a folder whose files name no split is all training data.
// `eval_dataset_name` replaces the evaluation split. Errors name what was looked for.
Result<DatasetFiles> dataset_files(const Json& config);

// Training files of every other option that names data (pretrain_dataset_name, ...): those whose
// names end in _dataset_name.
Result<std::map<std::string, std::vector<std::string>>> further_dataset_files(const Json& config);

}  // namespace attune::cli
