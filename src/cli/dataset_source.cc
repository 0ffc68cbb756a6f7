#include "cli/dataset_source.h"

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "cli/hub.h"
#include "cli/rows_io.h"
#include "data/rows.h"

namespace attune::cli {
namespace {

namespace fs = std::filesystem;

Result<std::vector<fs::path>> data_files_in(const std::string& folder) {
  std::vector<fs::path> files;
  std::error_code failure;
  for (fs::recursive_directory_iterator it(folder, failure), end; !failure && it != end;
       it.increment(failure)) {
    bool hidden = it->path().filename().string().starts_with('.');
    bool named = !hidden && data::names_rows(it->path().native());
    if (named && it->is_regular_file()) files.push_back(it->path());
  }
  if (failure) return io_error("{}: cannot list: {}", folder, failure.message());
  std::sort(files.begin(), files.end());
  if (files.empty()) {
    return not_found(
        "{}: holds no .jsonl, .json, .csv or .parquet file, packed (.gz, .zst) or not", folder);
  }
  return files;
}

bool belongs_to(const fs::path& file, const std::string& split) {
  return file.filename().string().starts_with(split) ||
         file.parent_path().filename().string() == split;
}

Result<std::string> local_dataset(const std::string& name, const Json& config) {
  if (exists(name)) return name;
  if (!is_hub_name(name)) {
    return not_found(
        "{}: is no file or folder, and no owner/name of a hub data set; check the path", name);
  }
  const auto downloaded = download_snapshot({.kind = HubKind::kDataset, .name = name});
  if (!downloaded.ok()) {
    return downloaded.error().with_context(name + " is no folder or file here; from the hub");
  }
  const std::string& folder = *downloaded;
  std::string part = text_of(config, "dataset_config");
  return part.empty() || part == "default" ? folder : join_path(folder, part);
}

// The names of an option; "a.jsonl,b.jsonl" names two files where there are two of these names.
std::vector<std::string> names_of(const Json& option) {
  std::vector<std::string> names;
  for (const Json& name : option) {
    const auto given = name.get<std::string>();
    std::vector<std::string> parts;
    for (size_t begin = 0; begin <= given.size();) {
      const size_t end = std::min(given.find(',', begin), given.size());
      parts.push_back(given.substr(begin, end - begin));
      begin = end + 1;
    }
    const bool several = !exists(given) && std::all_of(parts.begin(), parts.end(), exists);
    if (!several) parts = {given};
    names.insert(names.end(), parts.begin(), parts.end());
  }
  return names;
}

Status add_files(const std::string& path, const Json& config, DatasetFiles& files) {
  if (!is_directory(path)) {
    files.train.push_back(path);
    return {};
  }
  std::string train_split = text_of(config, "dataset_train_split");
  std::string test_split = text_of(config, "dataset_test_split");
  std::vector<fs::path> all = TRY(data_files_in(path));
  bool named = std::any_of(all.begin(), all.end(), [&](const fs::path& file) {
    return belongs_to(file, train_split) || belongs_to(file, test_split);
  });
  for (const fs::path& file : all) {
    if (!named || belongs_to(file, train_split)) files.train.push_back(file.string());
    if (named && belongs_to(file, test_split)) files.evaluation.push_back(file.string());
  }
  if (files.train.empty()) {
    return not_found("{}: no file is named after the split \"{}\"; set dataset_train_split", path,
                     train_split);
  }
  return {};
}

}  // namespace

Result<DatasetFiles> dataset_files(const Json& config) {
  if (config["dataset_name"].is_null() || config["dataset_name"].empty()) {
    return usage_error("--dataset_name is not set; give files, folders or owner/name");
  }
  DatasetFiles files;
  for (const std::string& name : names_of(config["dataset_name"])) {
    std::string path = TRY(local_dataset(name, config));
    TRY(add_files(path, config, files));
  }
  if (config["eval_dataset_name"].is_null()) return files;
  DatasetFiles evaluation;
  for (const std::string& name : names_of(config["eval_dataset_name"])) {
    std::string path = TRY(local_dataset(name, config));
    TRY(add_files(path, config, evaluation));
  }
  files.evaluation = evaluation.evaluation.empty() ? evaluation.train : evaluation.evaluation;
  return files;
}

Result<std::map<std::string, std::vector<std::string>>> further_dataset_files(const Json& config) {
  std::map<std::string, std::vector<std::string>> further;
  for (const auto& [option, names] : config.items()) {
    if (!option.ends_with("_dataset_name") || option == "eval_dataset_name") continue;
    if (!names.is_array()) continue;
    DatasetFiles files;
    for (const std::string& name : names_of(names)) {
      const auto path = local_dataset(name, config);
      if (!path.ok()) return path.error().with_context(option);
      TRY(add_files(*path, config, files));
    }
    further[option] = files.train;
  }
  return further;
}

}  // namespace attune::cli
