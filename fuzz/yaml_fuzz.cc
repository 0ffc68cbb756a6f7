// A configuration of any bytes: settings that are written as YAML and read again, or an Error.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "cli/yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace cli = attune::cli;
  const std::string text(reinterpret_cast<const char*>(data), size);
  auto settings = cli::parse_yaml_settings(text, "c.yaml");
  if (!settings.ok()) {
    CHECK(settings.error().code() == attune::ErrorCode::kUsage, "{}", settings.error().message());
    return 0;
  }
  attune::Json config = attune::Json::object();
  for (const auto& setting : *settings) config[setting.name] = setting.value;
  auto again = cli::parse_yaml_settings(cli::to_yaml(config), "written.yaml");
  CHECK(again.ok(), "what to_yaml writes must be read: {}", again.error().message());
  CHECK(again->size() == settings->size());
  return 0;
}
