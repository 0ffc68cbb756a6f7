#include "engine/train/checkpoint_store.h"

#include <algorithm>
#include <charconv>

#include "base/file.h"
#include "base/json_file.h"
#include "base/log.h"
#include "base/sha256.h"

namespace attune::engine::train {
namespace {

constexpr std::string_view kFormat = "attune-checkpoint";
constexpr int64_t kVersion = 1;
constexpr std::string_view kPrefix = "step-";
constexpr std::string_view kPartial = ".partial";

std::optional<int64_t> step_of(const std::string& name) {
  if (!name.starts_with(kPrefix)) return {};
  int64_t step = 0;
  const char* end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data() + kPrefix.size(), end, step);
  if (error != std::errc() || rest != end) return {};
  return step;
}

Result<Json> describe_files(const std::string& folder) {
  Json files = Json::object();
  for (const std::string& name : TRY(list_directory(folder))) {
    const std::string path = join_path(folder, name);
    files[name] = {{"bytes", TRY(file_size_bytes(path))}, {"sha256", TRY(sha256_file(path))}};
  }
  return files;
}

}  // namespace

CheckpointStore::CheckpointStore(std::string run_directory)
    : root_(join_path(run_directory, "checkpoints")) {}

std::string CheckpointStore::folder_of(int64_t step) const {
  return join_path(root_, fmt::format("{}{}", kPrefix, step));
}

Status CheckpointStore::save(
    int64_t step, const Json& state,
    const std::function<Status(const std::string& folder)>& write_files) {
  TRY(make_directories(root_));
  const std::string folder = folder_of(step);
  const std::string partial = folder + std::string(kPartial);
  TRY(remove_all(partial));
  TRY(make_directories(partial));
  const auto write = [&]() -> Status {
    TRY(write_files(partial));
    const Json record = {{"format", kFormat},
                         {"version", kVersion},
                         {"step", step},
                         {"files", TRY(describe_files(partial))},
                         {"state", state}};
    TRY(write_json_file(join_path(partial, "state.json"), record));
    TRY(sync_directory(partial));
    TRY(remove_all(folder));
    return rename_path(partial, folder);
  };
  const Status status = write();
  if (!status.ok()) (void)remove_all(partial);
  return status;
}

Result<StoredCheckpoint> CheckpointStore::open(const std::string& folder) {
  const std::string path = join_path(folder, "state.json");
  const Json record = TRY(read_json_file(path));
  const auto format = get_string(record, "format");
  const auto version = get_int(record, "version");
  if (!format.ok() || *format != kFormat || !version.ok() || *version != kVersion) {
    return invalid_input("{}: is no checkpoint of this version of Attune", path);
  }
  StoredCheckpoint checkpoint;
  checkpoint.folder = folder;
  checkpoint.step = TRY(get_int(record, "step"));
  const Json* files = find(record, "files");
  const Json* state = find(record, "state");
  if (files == nullptr || !files->is_object() || state == nullptr) {
    return invalid_input("{}: lacks \"files\" or \"state\"", path);
  }
  checkpoint.state = *state;
  for (const auto& [name, expected] : files->items()) {
    const std::string file = join_path(folder, name);
    const auto size = file_size_bytes(file);
    if (!size.ok()) return size.error();
    if (static_cast<int64_t>(*size) != TRY(get_int(expected, "bytes"))) {
      return invalid_input("{}: has {} bytes instead of {}", file, *size,
                           TRY(get_int(expected, "bytes")));
    }
    if (TRY(sha256_file(file)) != TRY(get_string(expected, "sha256"))) {
      return invalid_input("{}: its contents changed since it was written", file);
    }
    if (name == "optimizer.safetensors") checkpoint.has_optimizer = true;
  }
  return checkpoint;
}

std::vector<int64_t> CheckpointStore::steps() const {
  std::vector<int64_t> steps;
  const auto names = list_directory(root_);
  if (!names.ok()) return steps;
  for (const std::string& name : *names) {
    if (const auto step = step_of(name)) steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

Result<std::optional<StoredCheckpoint>> CheckpointStore::newest() const {
  const std::vector<int64_t> all = steps();
  std::string passed_over;
  for (auto step = all.rbegin(); step != all.rend(); ++step) {
    auto checkpoint = open(folder_of(*step));
    if (checkpoint.ok() && checkpoint->has_optimizer) {
      if (!passed_over.empty()) {
        log_warning("resuming from step {}: {}", *step, passed_over);
      }
      return std::optional<StoredCheckpoint>(std::move(*checkpoint));
    }
    if (!passed_over.empty()) passed_over += "; ";
    passed_over += checkpoint.ok()
                       ? fmt::format("{} was saved without optimiser state", folder_of(*step))
                       : fmt::format("{} is damaged ({})", folder_of(*step),
                                     checkpoint.error().message());
  }
  if (!passed_over.empty()) log_warning("no checkpoint can be resumed: {}", passed_over);
  return std::optional<StoredCheckpoint>();
}

Status CheckpointStore::prune(std::optional<int64_t> limit,
                              std::optional<int64_t> keep_step) const {
  const auto names = list_directory(root_);
  if (!names.ok()) return {};
  for (const std::string& name : *names) {
    if (name.ends_with(kPartial)) TRY(remove_all(join_path(root_, name)));
  }
  if (!limit) return {};
  std::vector<int64_t> all = steps();
  auto excess = static_cast<int64_t>(all.size()) - std::max<int64_t>(1, *limit);
  for (auto step = all.begin(); step != all.end() && excess > 0; ++step) {
    if (keep_step && *step == *keep_step) continue;
    if (*step == all.back()) continue;  // the newest is what a resume needs
    TRY(remove_all(folder_of(*step)));
    --excess;
  }
  return {};
}

}  // namespace attune::engine::train
