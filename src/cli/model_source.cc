#include "cli/model_source.h"

#include "base/file.h"
#include "cli/hub.h"
#include "cli/rows_io.h"
#include "weights/lora_files.h"

namespace attune::cli {

namespace {

Status check_name(const std::string& name) {
  if (exists(name) || is_hub_name(name)) return {};
  return not_found("{}: is no folder or file, and no owner/name of a hub model; check the path",
                   name);
}

}  // namespace

Result<std::string> local_model_path(const std::string& name, const std::string& revision) {
  TRY(check_name(name));
  if (exists(name)) return name;
  auto folder = download_snapshot({.kind = HubKind::kModel, .name = name, .revision = revision});
  if (folder.ok()) return folder;
  return folder.error().with_context(name + " is no folder or file here; from the hub");
}

Status check_model(const Json& config) {
  std::string name = text_of(config, "model_name_or_path");
  if (!name.empty()) return check_name(name);
  return usage_error(
      "--model_name_or_path is not set; give a model folder, a GGUF file or owner/name");
}

Result<std::string> local_model(const Json& config) {
  TRY(check_model(config));
  std::string revision = text_of(config, "model_revision");
  return local_model_path(text_of(config, "model_name_or_path"),
                          revision.empty() ? "main" : revision);
}

Result<protocol::JobModel> with_adapter(const std::string& path) {
  if (!weights::is_lora_folder(path)) return protocol::JobModel{path, ""};
  const weights::NamedBase base = TRY(weights::named_base_of(path));
  auto local = local_model_path(base.name, base.revision.empty() ? "main" : base.revision);
  if (local.ok()) return protocol::JobModel{*local, path};
  return make_error(local.error().code(),
                    "{}: the base model {} (or give a base as the model and this folder as "
                    "--adapter)", join_path(path, "adapter_config.json"), local.error().message());
}

}  // namespace attune::cli
