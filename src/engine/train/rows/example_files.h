// Reading data files as examples, row by row, with what cannot be used counted and named.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "data/example.h"
#include "data/row_faults.h"
#include "engine/train/data_report.h"

namespace attune::engine::train {

struct ExampleFileOptions {
  std::string text_field = "text";      // dataset_text_field
  std::optional<int64_t> max_rows = {};  // read at most so many, over all files
};

// Calls `take` with every row that is an example; it keeps the row (report->count_kept) or drops it
// with a reason. Rows that are none are dropped here; of those kept, licence and what it asks,
// guideline version and annotator are counted by count_source(). Only files that cannot be read are
// errors.
Status for_each_example(const std::vector<std::string>& files, const ExampleFileOptions& options,
                        DataReport* report,
                        const std::function<void(const RowName&, const data::Example&)>& take);

// What is counted of a row that was kept.
struct RowSource {
  std::optional<data::Source> source;  // as far as its warnings go: no row
  std::string guideline_version;
  std::string annotator;
  static RowSource of(const data::Example& example);
};
void count_source(const RowSource& source, DataReport* report);
void count_source(const data::Example& example, DataReport* report);

// What becomes of rows that say the opposite of another row by the same annotator, or by nobody
// named in both (data/row_faults.h): all of them are left out, or none.
enum class Contradictions { kSkip, kKeep };
// contradictory_rows: skip or keep.
Result<Contradictions> read_contradictions(const Json& config);

// Why a row is left out that says the opposite of this other one.
data::RowError contradiction(const RowName& other);

// Rows that passed every test of their own, until all files are read: which of them contradict each
// other is only seen then. A data row may give several rows to train on.
template <class Row>
class AcceptedRows {
 public:
  explicit AcceptedRows(Contradictions contradictions) : contradictions_(contradictions) {}

  void add(const RowName& name, const data::Example& example, std::vector<Row> rows,
           int64_t tokens, int64_t trained, bool truncated) {
    if (contradictions_ == Contradictions::kSkip) finder_.add(example);
    accepted_.push_back(
        {name, RowSource::of(example), std::move(rows), tokens, trained, truncated});
  }

  // Counts and returns what is kept.
  std::vector<Row> finish(DataReport* report) {
    std::vector<int64_t> opposite(accepted_.size(), -1);
    if (contradictions_ == Contradictions::kSkip) opposite = finder_.find();
    std::vector<Row> kept;
    for (size_t i = 0; i < accepted_.size(); ++i) {
      Accepted& one = accepted_[i];
      if (opposite[i] >= 0) {
        report->drop(one.name, contradiction(accepted_[static_cast<size_t>(opposite[i])].name));
        continue;
      }
      if (one.truncated) report->note_truncated(one.name);
      report->count_kept(one.tokens, one.trained);
      count_source(one.source, report);
      for (Row& row : one.rows) kept.push_back(std::move(row));
    }
    return kept;
  }

 private:
  struct Accepted {
    RowName name;
    RowSource source;
    std::vector<Row> rows;
    int64_t tokens = 0;
    int64_t trained = 0;
    bool truncated = false;
  };

  Contradictions contradictions_;
  data::ContradictionFinder finder_;
  std::vector<Accepted> accepted_;
};

}  // namespace attune::engine::train
