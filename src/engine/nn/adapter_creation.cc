// Which layers an adapter changes, and its first values.
#include "engine/nn/adapters.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/nearest.h"
#include "base/random.h"

namespace attune::engine::nn {
namespace {

// Whether `target` is the module's path or its last components.
bool names_module(const std::string& target, const std::string& path) {
  if (path.size() == target.size()) return path == target;
  return path.size() > target.size() && path.ends_with(target) &&
         path[path.size() - target.size() - 1] == '.';
}

std::string last_component(const std::string& path) { return path.substr(path.rfind('.') + 1); }

std::vector<std::string> last_components(const std::vector<std::string>& paths) {
  std::set<std::string> names;
  for (const std::string& path : paths) names.insert(last_component(path));
  return {names.begin(), names.end()};
}

Error unknown_target(const std::string& target, const char* key,
                     const std::map<std::string, Adapters::ModuleSize>& modules) {
  std::set<std::string> known;
  for (const auto& [path, size] : modules) known.insert(last_component(path));
  std::vector<std::string> names(known.begin(), known.end());
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  std::string nearest = nearest_name(last_component(target), names);
  return invalid_input("{}: \"{}\" is no linear layer of this model{}; it has {} (or all-linear)",
                       key, target, nearest.empty() ? "" : ", did you mean \"" + nearest + "\"?",
                       list);
}

Tensor kaiming_uniform(int64_t rank, int64_t in, Random& random) {
  Tensor a = at::empty({rank, in});
  float* values = a.data_ptr<float>();
  const double bound = 1.0 / std::sqrt(static_cast<double>(in));  // a = sqrt 5
  for (int64_t i = 0; i < a.numel(); ++i) {
    values[i] = static_cast<float>((2.0 * random.uniform() - 1.0) * bound);
  }
  return a;
}

Status check_numbers(const weights::LoraConfig& config) {
  if (config.r <= 0) return invalid_input("r (lora_r): {} must be above 0", config.r);
  if (!(config.lora_dropout >= 0.0 && config.lora_dropout < 1.0)) {
    return invalid_input("lora_dropout: {} must be at least 0 and below 1", config.lora_dropout);
  }
  return {};
}

}  // namespace

Result<std::vector<std::string>> Adapters::targets(const weights::LoraConfig& config) const {
  std::vector<std::string> wanted = config.target_modules;
  const bool all = wanted.size() == 1 && wanted.front() == "all-linear";
  if (wanted.empty()) {
    for (const char* usual : {"q_proj", "v_proj", "query_key_value", "c_attn"}) {
      auto is_usual = [&](const auto& module) { return names_module(usual, module.first); };
      if (std::any_of(modules_.begin(), modules_.end(), is_usual)) wanted.push_back(usual);
    }
  }
  std::set<std::string> paths;
  for (const std::string& target : wanted) {
    size_t matches = 0;
    for (const auto& [path, size] : modules_) {
      if (!all && !names_module(target, path)) continue;
      paths.insert(path);
      ++matches;
    }
    if (matches == 0) return unknown_target(target, "target_modules", modules_);
  }
  return std::vector<std::string>(paths.begin(), paths.end());
}

Status Adapters::create(const std::string& name, const weights::LoraConfig& config,
                        uint64_t seed) {
  if (find(name) != nullptr) return invalid_input("there is an adapter \"{}\" already", name);
  TRY(check_numbers(config));
  std::vector<std::string> paths = TRY(targets(config));
  for (const auto& [pattern, rank] : config.rank_pattern) {
    auto named = [&pattern = pattern](const std::string& p) { return names_module(pattern, p); };
    if (std::none_of(paths.begin(), paths.end(), named)) {
      return unknown_target(pattern, "rank_pattern", modules_);
    }
    if (rank <= 0)
      return invalid_input("rank_pattern: {} of \"{}\" must be above 0", rank, pattern);
  }
  Adapter adapter{name, config, {}, {}};
  if (config.target_modules.empty()) adapter.config.target_modules = last_components(paths);
  uint64_t stream = 0;
  for (const std::string& path : paths) {
    const ModuleSize& size = modules_.at(path);
    const int64_t rank = weights::module_rank(config, path);
    Random random(seed, stream++);
    LoraPair pair{kaiming_uniform(rank, size.in, random).to(device_),
                  at::zeros({size.out, rank}, device_), weights::module_scale(config, path),
                  config.lora_dropout};
    pair.a.set_requires_grad(true);
    pair.b.set_requires_grad(true);
    adapter.pairs.emplace(path, std::move(pair));
  }
  adapters_.emplace(name, std::move(adapter));
  return {};
}

}  // namespace attune::engine::nn
