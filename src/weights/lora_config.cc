#include "weights/lora_config.h"

#include <algorithm>
#include <cctype>
#include <cmath>

namespace attune::weights {
namespace {

// Options of PEFT that change what an adapter computes and that are not done here, with the values
// that mean "off".
struct OffOption {
  const char* key;
  Json off;
};

const std::vector<OffOption>& off_options() {
  static const std::vector<OffOption> options = {
      {"use_dora", false},         {"lora_bias", false},
      {"layer_replication", {}},   {"trainable_token_indices", {}},
      {"target_parameters", {}},   {"alora_invocation_tokens", {}},
      {"use_qalora", false},       {"use_bdlora", {}},
      {"arrow_config", {}},        {"kasa_config", {}},
      {"monteclora_config", {}},   {"velora_config", {}},
      {"layers_to_transform", {}},
  };
  return options;
}

Status refuse_unknown_methods(const Json& json) {
  std::string type = TRY(get_string_or(json, "peft_type", "LORA"));
  if (type != "LORA") {
    return unsupported("key peft_type is \"{}\"; only LORA adapters can be used", type);
  }
  for (const OffOption& option : off_options()) {
    const Json* value = find(json, option.key);
    bool off = value == nullptr || *value == option.off || *value == Json(false) ||
               (value->is_structured() && value->empty());
    if (!off) {
      return unsupported("key {} is {}; adapters with it cannot be used", option.key,
                         to_line(*value));
    }
  }
  std::string bias = TRY(get_string_or(json, "bias", "none"));
  if (bias != "none") {
    return unsupported("key bias is \"{}\"; only adapters with bias \"none\" can be used", bias);
  }
  return {};
}

// A list of texts, one text, or absent.
Result<std::vector<std::string>> text_list(const Json& json, const char* key) {
  std::vector<std::string> texts;
  const Json* value = find(json, key);
  if (value == nullptr) return texts;
  if (value->is_string()) return std::vector<std::string>{value->get<std::string>()};
  if (!value->is_array()) return invalid_input("key {} is no list of texts", key);
  for (const Json& entry : *value) {
    if (!entry.is_string()) return invalid_input("key {} is no list of texts", key);
    texts.push_back(entry.get<std::string>());
  }
  return texts;
}

// PEFT reads pattern keys as regular expressions; module names are what is written in practice.
Status check_pattern(const char* key, const std::string& pattern) {
  bool plain = !pattern.empty() && std::all_of(pattern.begin(), pattern.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
  });
  if (plain) return {};
  return unsupported("key {}: \"{}\" is no module name (regular expressions cannot be used)", key,
                     pattern);
}

template <typename T>
Result<std::map<std::string, T>> patterns(const Json& json, const char* key) {
  std::map<std::string, T> found;
  const Json* value = find(json, key);
  if (value == nullptr) return found;
  if (!value->is_object()) return invalid_input("key {} is no object", key);
  for (const auto& [pattern, number] : value->items()) {
    TRY(check_pattern(key, pattern));
    bool fits = std::is_integral_v<T> ? number.is_number_integer() : number.is_number();
    if (!fits) return invalid_input("key {}: \"{}\" has no fitting number", key, pattern);
    found[pattern] = number.template get<T>();
  }
  return found;
}

bool names_module(const std::string& pattern, const std::string& path) {
  if (!path.ends_with(pattern)) return false;
  return path.size() == pattern.size() || path[path.size() - pattern.size() - 1] == '.';
}

template <typename T>
T pattern_value(const std::map<std::string, T>& table, const std::string& path, T fallback) {
  for (const auto& [pattern, value] : table) {
    if (names_module(pattern, path)) return value;
  }
  return fallback;
}

Status check_numbers(const LoraConfig& config) {
  constexpr int64_t kRankMax = int64_t{1} << 20;
  auto sane = [](int64_t rank) { return rank >= 1 && rank <= kRankMax; };
  if (!sane(config.r)) return invalid_input("key r is {}; a rank from 1 up is needed", config.r);
  for (const auto& [pattern, rank] : config.rank_pattern) {
    if (!sane(rank)) return invalid_input("key rank_pattern: \"{}\" is {}", pattern, rank);
  }
  if (!std::isfinite(config.lora_alpha)) return invalid_input("key lora_alpha is not finite");
  if (!(config.lora_dropout >= 0.0 && config.lora_dropout < 1.0)) {
    return invalid_input("key lora_dropout is {}; at least 0 and below 1 is needed",
                         config.lora_dropout);
  }
  return {};
}

}  // namespace

Result<LoraConfig> lora_config_from_json(const Json& json) {
  if (!json.is_object()) return invalid_input("an object {{...}} is needed");
  TRY(refuse_unknown_methods(json));
  LoraConfig config;
  config.r = TRY(get_int_or(json, "r", config.r));
  config.lora_alpha = TRY(get_double_or(json, "lora_alpha", config.lora_alpha));
  config.lora_dropout = TRY(get_double_or(json, "lora_dropout", config.lora_dropout));
  config.use_rslora = TRY(get_bool_or(json, "use_rslora", false));
  config.fan_in_fan_out = TRY(get_bool_or(json, "fan_in_fan_out", false));
  config.target_modules = TRY(text_list(json, "target_modules"));
  config.modules_to_save = TRY(text_list(json, "modules_to_save"));
  config.base_model_name_or_path = TRY(get_string_or(json, "base_model_name_or_path", ""));
  config.revision = TRY(get_string_or(json, "revision", ""));
  config.task_type = TRY(get_string_or(json, "task_type", ""));
  config.rank_pattern = TRY(patterns<int64_t>(json, "rank_pattern"));
  config.alpha_pattern = TRY(patterns<double>(json, "alpha_pattern"));
  TRY(check_numbers(config));
  return config;
}

Json to_json(const LoraConfig& config) {
  auto text_or_null = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  // PEFT writes whole alphas as integers.
  bool whole = config.lora_alpha == std::trunc(config.lora_alpha);
  Json alpha = whole && std::fabs(config.lora_alpha) < 1e15
                   ? Json(static_cast<int64_t>(config.lora_alpha))
                   : Json(config.lora_alpha);
  Json targets = config.target_modules;
  if (config.target_modules == std::vector<std::string>{"all-linear"}) targets = "all-linear";
  return {
      {"peft_type", "LORA"},
      {"r", config.r},
      {"lora_alpha", alpha},
      {"lora_dropout", config.lora_dropout},
      {"use_rslora", config.use_rslora},
      {"fan_in_fan_out", config.fan_in_fan_out},
      {"target_modules", targets},
      {"modules_to_save", config.modules_to_save.empty() ? Json() : Json(config.modules_to_save)},
      {"bias", config.bias},
      {"base_model_name_or_path", text_or_null(config.base_model_name_or_path)},
      {"revision", text_or_null(config.revision)},
      {"task_type", text_or_null(config.task_type)},
      {"rank_pattern", config.rank_pattern},
      {"alpha_pattern", config.alpha_pattern},
      {"inference_mode", true},
      {"init_lora_weights", true}};
}

double module_scale(const LoraConfig& config, const std::string& path) {
  double alpha = pattern_value(config.alpha_pattern, path, config.lora_alpha);
  auto rank = static_cast<double>(module_rank(config, path));
  return config.use_rslora ? alpha / std::sqrt(rank) : alpha / rank;
}

int64_t module_rank(const LoraConfig& config, const std::string& path) {
  return pattern_value(config.rank_pattern, path, config.r);
}

}  // namespace attune::weights
