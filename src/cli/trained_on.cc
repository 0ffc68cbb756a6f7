#include "cli/trained_on.h"

#include <algorithm>

#include "base/file.h"
#include "base/json_file.h"
#include "data/rows.h"

namespace attune::cli {
namespace {

bool is_text(const OrderedJson& object, const char* key, const std::set<std::string>& texts) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() &&
         texts.contains(found->get_ref<const std::string&>());
}

bool is_wanted(const OrderedJson& row, const WantedRows& wanted) {
  if (!row.is_object()) return false;
  if (!wanted.annotator.empty() && row.value("annotator", OrderedJson()) == wanted.annotator) {
    return true;
  }
  if (is_text(row, "id", wanted.records)) return true;
  const auto source = row.find("source");
  return source != row.end() && source->is_object() && is_text(*source, "row", wanted.records);
}

Result<bool> holds_wanted(const std::string& file, const WantedRows& wanted) {
  bool found = false;
  const auto take = [&](data::Row row) -> Status {
    found = found || is_wanted(row.value, wanted);
    return {};
  };
  const auto skip = [](int64_t, const Error&) -> Status { return {}; };
  TRY(data::for_each_row(file, take, skip));
  return found;
}

Status look_into(const Json& files, const WantedRows& wanted, TouchedRun& run) {
  for (const Json& file : files) {
    const std::string path = file.value("path", "");
    if (!exists(path)) {
      run.unread.push_back(path);
    } else if (TRY(holds_wanted(path, wanted))) {
      run.files.push_back(path);
    }
  }
  return {};
}

Result<std::vector<std::string>> checkpoints_of(const std::string& directory) {
  std::vector<std::string> found;
  const std::string steps = join_path(directory, "checkpoints");
  if (is_directory(steps)) {
    for (const std::string& name : TRY(list_directory(steps))) {
      if (is_directory(join_path(steps, name))) found.push_back(join_path(steps, name));
    }
  }
  std::sort(found.begin(), found.end());
  if (is_directory(join_path(directory, "final"))) found.push_back(join_path(directory, "final"));
  return found;
}

}  // namespace

Result<TouchedRun> trained_on(const std::string& run_directory, const WantedRows& wanted) {
  const std::string path = join_path(run_directory, "lineage.json");
  if (!exists(path)) {
    return not_found("{}: is no run directory (there is no lineage.json)", run_directory);
  }
  const Json lineage = TRY(read_json_file(path));
  TouchedRun run;
  run.directory = run_directory;
  for (const char* key : {"train_files", "eval_files"}) {
    if (lineage.contains(key)) TRY(look_into(lineage[key], wanted, run));
  }
  if (lineage.contains("further_files")) {
    for (const auto& [option, files] : lineage["further_files"].items()) {
      TRY(look_into(files, wanted, run));
    }
  }
  if (!run.files.empty() || !run.unread.empty()) {
    run.checkpoints = TRY(checkpoints_of(run_directory));
  }
  return run;
}

}  // namespace attune::cli
