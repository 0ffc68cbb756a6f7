#include "engine/models/families/family.h"

namespace attune::engine::models {

const std::vector<Family>& families() {
  static const std::vector<Family> known = {
      {"llama", "LlamaForCausalLM", "LlamaForSequenceClassification", "LlamaModel",
       configure_llama},
      {"mistral", "MistralForCausalLM", "MistralForSequenceClassification", "MistralModel",
       configure_mistral},
      {"qwen2", "Qwen2ForCausalLM", "Qwen2ForSequenceClassification", "Qwen2Model",
       configure_qwen2},
      {"qwen3", "Qwen3ForCausalLM", "Qwen3ForSequenceClassification", "Qwen3Model",
       configure_qwen3},
      {"smollm3", "SmolLM3ForCausalLM", "SmolLM3ForSequenceClassification", "SmolLM3Model",
       configure_smollm3},
      {"falcon", "FalconForCausalLM", "FalconForSequenceClassification", "FalconModel",
       configure_falcon},
      {"gpt_neox", "GPTNeoXForCausalLM", "GPTNeoXForSequenceClassification", "GPTNeoXModel",
       configure_gpt_neox},
      {"gpt2", "GPT2LMHeadModel", "GPT2ForSequenceClassification", "GPT2Model", configure_gpt2},
  };
  return known;
}

Result<Activation> read_activation(const Json& config, const char* key, const char* fallback) {
  std::string name = TRY(get_string_or(config, key, fallback));
  if (name == "silu" || name == "swish") return Activation::kSilu;
  if (name == "gelu" || name == "gelu_python") return Activation::kGelu;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh" || name == "gelu_fast") {
    return Activation::kGeluTanh;
  }
  if (name == "relu") return Activation::kRelu;
  return unsupported("{}: \"{}\" is an activation that is not known here; known are silu, gelu, "
                     "gelu_new, gelu_pytorch_tanh, gelu_fast and relu", key, name);
}

Result<std::vector<LayerConfig>> alike_layers(int64_t count) {
  constexpr int64_t kLayersMax = 10'000;
  if (count <= 0 || count > kLayersMax) {
    return invalid_input("the number of layers is {}; it must be from 1 to {}", count, kLayersMax);
  }
  return std::vector<LayerConfig>(static_cast<size_t>(count));
}

Status require_flag(const Json& config, const char* key, bool only) {
  bool value = TRY(get_bool_or(config, key, only));
  if (value == only) return {};
  return unsupported("{}: {} is not implemented; only {} is", key, value, only);
}

}  // namespace attune::engine::models
