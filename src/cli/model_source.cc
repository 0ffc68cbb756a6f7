#include "cli/model_source.h"

#include "base/file.h"
#include "cli/hub.h"
#include "cli/rows_io.h"

namespace attune::cli {

Result<std::string> local_model_path(const std::string& name, const std::string& revision) {
  if (exists(name)) return name;
  if (!is_hub_name(name)) {
    return not_found("{}: is no folder or file, and no owner/name of a hub model", name);
  }
  return download_snapshot({.kind = HubKind::kModel, .name = name, .revision = revision});
}

Result<std::string> local_model(const Json& config) {
  std::string name = text_of(config, "model_name_or_path");
  if (name.empty()) {
    return usage_error(
        "--model_name_or_path is not set; give a model folder, a GGUF file or owner/name");
  }
  std::string revision = text_of(config, "model_revision");
  return local_model_path(name, revision.empty() ? "main" : revision);
}

}  // namespace attune::cli
