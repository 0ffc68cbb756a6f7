#include "cli/adapter_options.h"

#include <algorithm>
#include <set>

#include "base/file.h"
#include "base/json_file.h"
#include "weights/lora_config.h"

namespace attune::cli {
namespace {

// Where an option was set last; nothing when it was left at its default.
std::string place_of(const std::vector<recipes::Setting>& settings, const std::string& option) {
  std::string place;
  for (const recipes::Setting& setting : settings) {
    std::string name = setting.name;
    std::replace(name.begin(), name.end(), '-', '_');
    if (name == option) place = setting.where;
  }
  return place;
}

bool same(const Json& one, const Json& other) {
  if (!one.is_array() || !other.is_array()) return one == other;
  return std::set<Json>(one.begin(), one.end()) == std::set<Json>(other.begin(), other.end());
}

}  // namespace

Result<std::vector<std::string>> take_adapter_options(const std::string& adapter_folder,
                                                      const std::vector<recipes::Setting>& settings,
                                                      Json& config) {
  const std::string path = join_path(adapter_folder, "adapter_config.json");
  const auto adapter = weights::lora_config_from_json(TRY(read_json_file(path)));
  if (!adapter.ok()) return adapter.error().with_context(path);
  const std::pair<const char*, Json> own[] = {
      {"lora_r", adapter->r},
      {"lora_alpha", adapter->lora_alpha},
      {"lora_dropout", adapter->lora_dropout},
      {"lora_target_modules", adapter->target_modules},
      {"use_rslora", adapter->use_rslora}};
  std::vector<std::string> warnings;
  for (const auto& [option, value] : own) {
    const std::string place = place_of(settings, option);
    if (!place.empty() && !same(config[option], value)) {
      warnings.push_back(fmt::format(
          "{}: {}: {} has no effect: training goes on from {}, which has {}", place, option,
          to_line(config[option]), adapter_folder, to_line(value)));
    }
    config[option] = value;
  }
  return warnings;
}

}  // namespace attune::cli
