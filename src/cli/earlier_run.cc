#include "cli/earlier_run.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"

namespace attune::cli {
namespace {

// The first holds an earlier run that is whole, the second one of which parts are on their way.
constexpr const char* kAside = "earlier_run.attune";
constexpr const char* kMoving = "earlier_run.attune.partial";

// What a run leaves. Anything else in the directory is somebody's own.
bool is_of_a_run(const std::string& name) {
  static const std::set<std::string> kOfARun = {
      "checkpoints",   "config.yaml",   "data_report.json",       "events.jsonl",
      "final",         "final.partial", "folds",                  "folds.json",
      "job.json",      "lineage.json",  "reference",              "report.html",
      "value",         "value.partial", "reward_evaluation.json", "iterates.json"};
  const bool curves = name.starts_with("events.out.tfevents.") && name.ends_with(".attune");
  return curves || kOfARun.contains(name);
}

std::string events_of(const std::string& directory) {
  const auto text = read_file(join_path(directory, "events.jsonl"));
  return text.ok() ? *text : "";
}

// A log that begins with its own failure (a full disk) is of a run that did not begin.
bool log_has_begun(const std::string& directory) {
  const std::string text = events_of(directory);
  const size_t end = text.find('\n');
  if (end == std::string::npos) return false;
  const auto event = parse_json(std::string_view(text).substr(0, end));
  const auto kind = event.ok() ? get_string(*event, "event") : Result<std::string>(event.error());
  return kind.ok() && *kind != "failed";
}

// The folds of a reward model train before the run itself.
bool has_begun(const std::string& directory) {
  return log_has_begun(directory) || log_has_begun(join_path(directory, "folds/1"));
}

bool has_run(const std::string& directory) {
  return has_begun(directory) || exists(join_path(directory, "final")) ||
         exists(join_path(directory, "checkpoints"));
}

// Of the run that stands in the directory; with `aside` also what is there under the same name.
Status remove_parts(const std::string& directory, const std::string& aside = "") {
  for (const std::string& name : TRY(list_directory(directory))) {
    const bool replaced = !aside.empty() && exists(join_path(aside, name));
    if (replaced || is_of_a_run(name)) TRY(remove_all(join_path(directory, name)));
  }
  return {};
}

}  // namespace

Status EarlierRun::recover(const std::string& run_directory) {
  const std::string aside = join_path(run_directory, kAside);
  const std::string moving = join_path(run_directory, kMoving);
  if (exists(aside)) {
    if (has_begun(run_directory)) return remove_all(aside);
    TRY(remove_parts(run_directory, aside));
    TRY(rename_path(aside, moving));
  }
  if (!exists(moving)) return {};
  for (const std::string& name : TRY(list_directory(moving))) {
    TRY(rename_path(join_path(moving, name), join_path(run_directory, name)));
  }
  return remove_all(moving);
}

Result<std::unique_ptr<EarlierRun>> EarlierRun::set_aside(const std::string& run_directory,
                                                          const std::vector<std::string>& further) {
  std::unique_ptr<EarlierRun> earlier(new EarlierRun(run_directory));
  if (!has_run(run_directory)) {
    if (exists(run_directory)) TRY(remove_parts(run_directory));
    return earlier;
  }
  earlier->aside_ = true;
  earlier->kept_ = true;  // from the first move on
  TRY(earlier->move_aside(further));
  return earlier;
}

// The folder gets its name last: whoever finds it knows that it is whole, and that nothing which
// stands in the directory is of the earlier run.
Status EarlierRun::move_aside(const std::vector<std::string>& further) {
  const std::string moving = join_path(directory_, kMoving);
  TRY(make_directories(moving));
  for (const std::string& name : TRY(list_directory(directory_))) {
    const bool named = std::find(further.begin(), further.end(), name) != further.end();
    if (!named && !is_of_a_run(name)) continue;
    TRY(rename_path(join_path(directory_, name), join_path(moving, name)));
  }
  return rename_path(moving, join_path(directory_, kAside));
}

Result<std::unique_ptr<EarlierRun>> EarlierRun::remember(const std::string& run_directory) {
  std::unique_ptr<EarlierRun> earlier(new EarlierRun(run_directory));
  if (!has_run(run_directory)) return earlier;
  earlier->kept_ = true;
  earlier->events_ = events_of(run_directory);
  for (const char* name : {"config.yaml", "job.json", "data_report.json", "lineage.json"}) {
    const std::string path = join_path(run_directory, name);
    if (exists(path)) earlier->texts_[name] = TRY(read_file(path));
  }
  return earlier;
}

void EarlierRun::let_go_once_begun() {
  if (!kept_) return;
  // A run that goes on cuts the log behind its step and writes a line.
  kept_ = aside_ ? !has_begun(directory_) : events_of(directory_) == events_;
  if (kept_ || !aside_) return;
  const Status removed = remove_all(join_path(directory_, kAside));
  if (!removed.ok()) log_warning("{}; it is of the earlier run", removed.error().message());
}

Status EarlierRun::put_back() const {
  if (aside_) return recover(directory_);
  for (const auto& [name, text] : texts_) TRY(write_file(join_path(directory_, name), text));
  return {};
}

EarlierRun::~EarlierRun() {
  if (!kept_) return;
  if (const Status back = put_back(); !back.ok()) {
    log_error("{}; the earlier run is not back in place: correct this and call the command again",
              back.error().message());
  } else {
    log_info("{}: the earlier run is as it was", directory_);
  }
}

bool is_of_earlier_run(const std::string& run_directory, const std::string& path) {
  std::error_code failure;
  const auto inside = std::filesystem::weakly_canonical(path, failure)
                          .lexically_relative(std::filesystem::weakly_canonical(run_directory));
  return !path.empty() && !failure && !inside.empty() && is_of_a_run(inside.begin()->string());
}

}  // namespace attune::cli
