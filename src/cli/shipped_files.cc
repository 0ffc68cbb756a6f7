#include "cli/shipped_files.h"

#include <filesystem>

#include "base/file.h"

namespace attune::cli {

namespace fs = std::filesystem;

std::string shipped_path(const std::string& relative) {
  std::error_code failure;
  const fs::path program = fs::read_symlink("/proc/self/exe", failure);
  for (const fs::path& root : {fs::current_path(failure), program.parent_path() / "../../.."}) {
    const fs::path found = (root / relative).lexically_normal();
    if (exists(found.string())) return found.string();
  }
  return "";
}

}  // namespace attune::cli
