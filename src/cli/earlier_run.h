// A run directory's earlier run while the next one starts there. Until that one has begun (its
// model, texts and rows accepted, its first line in events.jsonl) the earlier run can come back as
// it was, also after kill -9 at any moment (docs/formats/run-directory.md, "Starting anew").
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace attune::cli {

// Keeps the earlier run while it lives. Destroyed before the next run began, it puts the earlier
// one back. One at a time for a directory; not thread-safe.
class EarlierRun {
 public:
  // Finishes what a killed start left: puts the earlier run back, or, where the next one had begun,
  // removes it. Nothing to do is success.
  static Status recover(const std::string& run_directory);

  // For a run that starts anew: moves the earlier one's parts, and `further` names, into a folder
  // beside them. What a start that came to nothing left is removed.
  static Result<std::unique_ptr<EarlierRun>> set_aside(const std::string& run_directory,
                                                       const std::vector<std::string>& further);
  // For a run that goes on with the earlier one: remembers the files that describe it.
  static Result<std::unique_ptr<EarlierRun>> remember(const std::string& run_directory);

  ~EarlierRun();
  EarlierRun(const EarlierRun&) = delete;
  EarlierRun& operator=(const EarlierRun&) = delete;

  // Once the next run has begun: removes what was set aside, and keeps nothing from then on.
  void let_go_once_begun();
  // False once the next run has begun, and where there was no earlier one.
  bool is_kept() const { return kept_; }

 private:
  explicit EarlierRun(std::string run_directory) : directory_(std::move(run_directory)) {}
  Status move_aside(const std::vector<std::string>& further);
  Status put_back() const;

  std::string directory_;
  bool kept_ = false;
  bool aside_ = false;                        // or remembered:
  std::string events_;                        // the log of then
  std::map<std::string, std::string> texts_;  // by name
};

// Whether `path` lies in one of the parts that a run anew replaces.
bool is_of_earlier_run(const std::string& run_directory, const std::string& path);

}  // namespace attune::cli
