// What became of every row that was read: data_report.json of a run (design §3). Nothing is dropped
// or cut in silence: each dropped row has a reason, and rows are named by file and number.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "data/row_reasons.h"

namespace attune::engine::train {

struct RowName {
  std::string file;
  int64_t number = 0;  // 1-based
};

class DataReport {
 public:
  void count_read() { ++read_; }
  void count_kept(int64_t tokens, int64_t trained);
  // `reason` is the name that rows are counted under (data/row_reasons.h), `detail` the row's own
  // message.
  void drop(const RowName& row, const std::string& reason, const std::string& detail);
  // Under the error's reason.
  void drop(const RowName& row, const data::RowError& why);
  void note_truncated(const RowName& row) { truncated_.push_back(row); }
  // The row's prompt alone and the prompt within the whole row are tokenised differently.
  void note_boundary_mismatch(const RowName& row) { boundary_.push_back(row); }
  // The row says the opposite of an earlier one about the same answers, by somebody else, and is
  // kept.
  void note_disagreement(const RowName& row) { disagreeing_.push_back(row); }
  // A packed row of which no token is trained was left out.
  void count_rows_without_loss() { ++rows_without_loss_; }
  void count_licence(const std::string& licence) { ++licences_[licence]; }
  // data::licence_warnings() of a row's source: what `attune import` warned of.
  void count_warning(const std::string& warning) { ++warnings_[warning]; }
  void count_guideline(const std::string& version) { ++guidelines_[version]; }
  // The hash of the data set's content, of a row that says of which snapshot it is.
  void count_snapshot(const std::string& hash) { ++snapshots_[hash]; }
  void count_annotator(const std::string& name) { ++annotators_[name]; }

  int64_t rows_read() const { return read_; }
  int64_t rows_kept() const { return kept_; }
  int64_t rows_dropped() const { return dropped_; }
  int64_t tokens_trained() const { return trained_; }
  const std::map<std::string, int64_t>& guidelines() const { return guidelines_; }

  // An error when nothing was kept, or when more than 5 % of the rows were dropped and that is not
  // allowed; rankings in which everything ties are no mistakes and are left out of that count. It
  // names the first row of the commonest reason.
  Status check(const std::string& split, bool allow_skipped_rows) const;

  // {"rows": {read, kept, dropped, truncated, ...}, "dropped": [{reason, count, rows, first}], ...}
  OrderedJson to_json() const;

 private:
  struct Dropped {
    std::vector<RowName> rows;
    std::string first_detail;
  };
  // The commonest reason, in words; ties among them only where they are counted.
  std::string why_dropped(bool ties_counted) const;

  int64_t read_ = 0;
  int64_t kept_ = 0;
  int64_t dropped_ = 0;
  int64_t tokens_ = 0;
  int64_t trained_ = 0;
  int64_t rows_without_loss_ = 0;
  std::map<std::string, Dropped> reasons_;
  std::vector<RowName> truncated_;
  std::vector<RowName> boundary_;
  std::vector<RowName> disagreeing_;
  std::map<std::string, int64_t> licences_;
  std::map<std::string, int64_t> warnings_;
  std::map<std::string, int64_t> guidelines_;
  std::map<std::string, int64_t> annotators_;
  std::map<std::string, int64_t> snapshots_;
};

}  // namespace attune::engine::train
