// The published families: each maps a config.json onto a DecoderConfig, and nothing more.
//
// To add one: a source file here with its `configure`, a line in family.cc, and a small model in
// tests/golden/models/make_models.py; the parity test then runs over it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/models/decoder_config.h"

namespace attune::engine::models {

struct Family {
  const char* model_type;               // config.json's model_type
  const char* architecture;             // with a language-model head
  const char* classifier_architecture;  // with a `score` head (reward models)
  const char* base_architecture;        // without a head
  Result<DecoderConfig> (*configure)(const Json& config);
};

const std::vector<Family>& families();

Result<DecoderConfig> configure_llama(const Json& config);
Result<DecoderConfig> configure_mistral(const Json& config);
Result<DecoderConfig> configure_qwen2(const Json& config);
Result<DecoderConfig> configure_qwen3(const Json& config);
Result<DecoderConfig> configure_smollm3(const Json& config);
Result<DecoderConfig> configure_falcon(const Json& config);
Result<DecoderConfig> configure_gpt_neox(const Json& config);
Result<DecoderConfig> configure_gpt2(const Json& config);

// Shared reading. `fallback` is the activation of a config that does not say; errors name the key.
Result<Activation> read_activation(const Json& config, const char* key, const char* fallback);

// `count` layers, all alike.
Result<std::vector<LayerConfig>> alike_layers(int64_t count);

// An error when `key` holds anything but `only`: an option that no implementation here has.
Status require_flag(const Json& config, const char* key, bool only);

}  // namespace attune::engine::models
