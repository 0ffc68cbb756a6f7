#include "protocol/job.h"

#include "base/file.h"

namespace attune::protocol {
namespace {

constexpr int64_t kJobVersion = 1;

Result<std::vector<std::string>> texts(const Json& value, std::string_view key,
                                       std::string_view of) {
  std::vector<std::string> list;
  const Json* member = find(value, key);
  if (member == nullptr) return list;
  if (!member->is_array()) return invalid_input("\"{}\" must be a list of {}", key, of);
  for (const Json& path : *member) {
    if (!path.is_string()) return invalid_input("\"{}\" must be a list of {}", key, of);
    list.push_back(path.get<std::string>());
  }
  return list;
}

Result<std::vector<std::string>> paths(const Json& value, std::string_view key) {
  return texts(value, key, "paths");
}

Result<std::map<std::string, JobModel>> models(const Json& value) {
  std::map<std::string, JobModel> found;
  const Json* members = find(value, "models");
  if (members == nullptr) return found;
  if (!members->is_object()) return invalid_input("\"models\" must be an object");
  for (const auto& [option, model] : members->items()) {
    found[option] = {TRY(get_string(model, "model")), TRY(get_string_or(model, "adapter", ""))};
  }
  return found;
}

Json to_json(const std::map<std::string, JobModel>& models) {
  Json members = Json::object();
  for (const auto& [option, model] : models) {
    members[option] = {{"model", model.model}, {"adapter", model.adapter}};
  }
  return members;
}

}  // namespace

Json to_json(const Job& job) {
  return {{"format", "attune-job"},
          {"version", kJobVersion},
          {"kind", "train"},
          {"recipe", job.recipe},
          {"config", job.config},
          {"written", job.written},
          {"model", job.model},
          {"adapter", job.adapter},
          {"models", to_json(job.models)},
          {"train_files", job.train_files},
          {"eval_files", job.eval_files},
          {"further_files", job.further_files},
          {"output_dir", job.output_dir}};
}

Result<Job> parse_job(const Json& value) {
  if (TRY(get_string(value, "format")) != "attune-job") {
    return invalid_input("is no job file; `attune train` writes one into its run directory");
  }
  int64_t version = TRY(get_int(value, "version"));
  if (version != kJobVersion) {
    return unsupported(
        "is a job of version {}; this engine reads version {}: use programs of one release",
        version, kJobVersion);
  }
  Job job;
  job.recipe = TRY(get_string(value, "recipe"));
  job.model = TRY(get_string(value, "model"));
  job.adapter = TRY(get_string_or(value, "adapter", ""));
  job.models = TRY(models(value));
  job.output_dir = TRY(get_string(value, "output_dir"));
  job.train_files = TRY(paths(value, "train_files"));
  job.eval_files = TRY(paths(value, "eval_files"));
  if (const Json* further = find(value, "further_files"); further != nullptr) {
    if (!further->is_object()) return invalid_input("\"further_files\" must be an object");
    for (const auto& [option, unused] : further->items()) {
      job.further_files[option] = TRY(paths(*further, option));
    }
  }
  if (job.train_files.empty()) return invalid_input("\"train_files\" is empty");
  const Json* config = find(value, "config");
  if (config == nullptr || !config->is_object())
    return invalid_input("\"config\" must be an object");
  job.config = *config;
  const std::vector<std::string> written = TRY(texts(value, "written", "options"));
  job.written.insert(written.begin(), written.end());
  return job;
}

Result<Job> read_job(const std::string& path) {
  Json value = TRY(read_json_file(path));
  Result<Job> job = parse_job(value);
  if (!job.ok()) return job.error().with_context(path);
  return job;
}

}  // namespace attune::protocol
