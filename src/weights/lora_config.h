// adapter_config.json of a PEFT LoRA adapter (peft 0.21 names and defaults).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace attune::weights {

struct LoraConfig {
  int64_t r = 8;
  double lora_alpha = 8.0;
  double lora_dropout = 0.0;
  bool use_rslora = false;      // scale alpha/sqrt(r) instead of alpha/r
  bool fan_in_fan_out = false;  // the adapted weights are stored transposed (GPT-2's Conv1D)
  std::vector<std::string> target_modules;  // suffixes of module paths, or one "all-linear"
  std::vector<std::string> modules_to_save;
  std::string bias = "none";
  std::string base_model_name_or_path;
  std::string revision;  // of a base on a hub; "" for its main branch
  std::string task_type = "CAUSAL_LM";
  std::map<std::string, int64_t> rank_pattern;  // by module: overrides r and lora_alpha
  std::map<std::string, double> alpha_pattern;
};

// Errors (kInvalidInput, kUnsupported) name the key: another peft_type, DoRA, biases, layer
// selections and everything else that would change the result but is not done here; r < 1.
Result<LoraConfig> lora_config_from_json(const Json& adapter_config);
Json to_json(const LoraConfig& config);

// s in y = W x + s·B(A x) for the module at `path`, its patterns taken into account.
double module_scale(const LoraConfig& config, const std::string& path);
// The rank of the module at `path`.
int64_t module_rank(const LoraConfig& config, const std::string& path);

}  // namespace attune::weights
