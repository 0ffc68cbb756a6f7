// Leave-annotators-out: how well a reward model orders what people say whom it has not heard. Each
// fold trains on the others' rows and is measured on those of its own annotators.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/train/rows/tree_data.h"

namespace attune::engine::train {

// The annotators of each fold, dealt out by their number of rows, the busiest first; the same rows
// give the same folds. kInvalidInput when there are fewer annotators than folds.
Result<std::vector<std::vector<std::string>>> annotator_folds(const std::vector<TreeRow>& rows,
                                                              int64_t folds);

// Moves these annotators' rows from training to evaluation, in place of the rows there.
Status leave_out(const std::vector<std::string>& annotators, TreeData* data);

// folds.json from the folds' reward_evaluation.json: accuracy, pairs and annotators of each, and
// the accuracy over all pairs.
Result<OrderedJson> report_folds(const std::vector<std::string>& folders,
                                 const std::vector<std::vector<std::string>>& annotators);

}  // namespace attune::engine::train
