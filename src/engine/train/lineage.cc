#include "engine/train/lineage.h"

#include <vector>

#include "base/file.h"
#include "base/json_file.h"
#include "base/sha256.h"

namespace attune::engine::train {
namespace {

Result<OrderedJson> hash_file(const std::string& path) {
  return OrderedJson{{"path", path},
                     {"bytes", TRY(file_size_bytes(path))},
                     {"sha256", TRY(sha256_file(path))}};
}

// A file, or the files that lie directly in a folder.
Result<OrderedJson> hash_path(const std::string& path) {
  OrderedJson list = OrderedJson::array();
  if (!is_directory(path)) {
    list.push_back(TRY(hash_file(path)));
    return list;
  }
  for (const std::string& name : TRY(list_directory(path))) {
    const std::string file = join_path(path, name);
    if (!is_directory(file)) list.push_back(TRY(hash_file(file)));
  }
  return list;
}

}  // namespace

Status write_lineage(const protocol::Job& job, const std::map<std::string, int64_t>& guidelines) {
  OrderedJson lineage;
  lineage["recipe"] = job.recipe;
  lineage["code"] = {{"version", ATTUNE_VERSION}};
  if (const auto engine = sha256_file("/proc/self/exe"); engine.ok()) {
    lineage["code"]["engine_sha256"] = *engine;
  }
  lineage["model"] = TRY(hash_path(job.model));
  if (!job.adapter.empty()) lineage["adapter"] = TRY(hash_path(job.adapter));
  for (const auto& [option, model] : job.models) {
    lineage[option] = TRY(hash_path(model.model));
    if (model.adapter.empty()) continue;
    for (OrderedJson& file : TRY(hash_path(model.adapter))) lineage[option].push_back(file);
  }
  for (const char* option : {"reward_model_path", "gold_reward_model"}) {
    const Json* rewards = find(job.config, option);
    if (rewards == nullptr) continue;
    lineage[option] = OrderedJson::array();
    for (const Json& path : *rewards) {
      for (OrderedJson& file : TRY(hash_path(path.get<std::string>()))) {
        lineage[option].push_back(file);
      }
    }
  }
  for (const auto& [key, files] :
       {std::pair("train_files", &job.train_files), std::pair("eval_files", &job.eval_files)}) {
    lineage[key] = OrderedJson::array();
    for (const std::string& file : *files) lineage[key].push_back(TRY(hash_file(file)));
  }
  for (const auto& [option, files] : job.further_files) {
    for (const std::string& file : files) {
      lineage["further_files"][option].push_back(TRY(hash_file(file)));
    }
  }
  lineage["config_sha256"] = sha256_hex(to_line(job.config));
  lineage["guideline_versions"] = OrderedJson::object();
  for (const auto& [version, count] : guidelines) lineage["guideline_versions"][version] = count;
  return write_json_file(join_path(job.output_dir, "lineage.json"), lineage);
}

Result<std::string> lineage_hash(const std::string& run_directory,
                                 const std::vector<std::string>& members) {
  const Json lineage = TRY(read_json_file(join_path(run_directory, "lineage.json")));
  std::string hashes;
  for (const std::string& member : members) {
    hashes += "|";
    const Json* files = find(lineage, member);
    if (files == nullptr) continue;
    for (const Json& file : *files) hashes += TRY(get_string(file, "sha256")) + ",";
  }
  return sha256_hex(hashes);
}

}  // namespace attune::engine::train
