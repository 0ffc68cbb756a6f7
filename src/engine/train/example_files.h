// Reading data files as examples, row by row, with what cannot be used counted and named.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/example.h"
#include "engine/train/data_report.h"

namespace attune::engine::train {

struct ExampleFileOptions {
  std::string text_field = "text";      // dataset_text_field
  std::optional<int64_t> max_rows = {};  // read at most so many, over all files
};

// Calls `take` with every row that is an example; it keeps the row (report->count_kept) or drops it
// with a reason. Rows that are none are dropped here; of those kept, licence, guideline version and
// annotator are counted by count_source(). Only files that cannot be read are errors.
Status for_each_example(const std::vector<std::string>& files, const ExampleFileOptions& options,
                        DataReport* report,
                        const std::function<void(const RowName&, const data::Example&)>& take);

// Of a row that was kept.
void count_source(const data::Example& example, DataReport* report);

}  // namespace attune::engine::train
