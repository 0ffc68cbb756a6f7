// Llama 2 and 3.x, and the families that share its block: Mistral, Qwen2, Qwen3, SmolLM2 (a Llama)
// and SmolLM3.
#include "engine/models/families/family.h"

namespace attune::engine::models {
namespace {

ModuleNames llama_names() {
  ModuleNames names;
  names.embedding = "model.embed_tokens";
  names.final_norm = "model.norm";
  names.head = "lm_head";
  names.attention_norm = "model.layers.{}.input_layernorm";
  names.feed_forward_norm = "model.layers.{}.post_attention_layernorm";
  names.q = "model.layers.{}.self_attn.q_proj";
  names.k = "model.layers.{}.self_attn.k_proj";
  names.v = "model.layers.{}.self_attn.v_proj";
  names.output = "model.layers.{}.self_attn.o_proj";
  names.gate = "model.layers.{}.mlp.gate_proj";
  names.up = "model.layers.{}.mlp.up_proj";
  names.down = "model.layers.{}.mlp.down_proj";
  return names;
}

// Defaults in which the relatives differ from Llama.
struct Defaults {
  int64_t kv_heads = 0;    // 0: as many as heads
  int64_t head_width = 0;  // 0: width / heads
  int64_t context = 2048;
  double theta = 10000.0;
  bool tied_head = false;
};

Result<DecoderConfig> read_block(const Json& config, const Defaults& defaults) {
  DecoderConfig decoder;
  decoder.names = llama_names();
  decoder.vocabulary = TRY(get_int(config, "vocab_size"));
  decoder.width = TRY(get_int(config, "hidden_size"));
  decoder.heads = TRY(get_int(config, "num_attention_heads"));
  if (decoder.heads <= 0) return invalid_input("num_attention_heads: must be above 0");
  int64_t kv_heads = defaults.kv_heads > 0 ? defaults.kv_heads : decoder.heads;
  decoder.kv_heads = TRY(get_int_or(config, "num_key_value_heads", kv_heads));
  int64_t head_width =
      defaults.head_width > 0 ? defaults.head_width : decoder.width / decoder.heads;
  decoder.head_width = TRY(get_int_or(config, "head_dim", head_width));
  decoder.feed_forward = TRY(get_int(config, "intermediate_size"));
  decoder.context = TRY(get_int_or(config, "max_position_embeddings", defaults.context));
  int64_t layers = TRY(get_int(config, "num_hidden_layers"));
  decoder.layers = TRY(alike_layers(layers));
  decoder.norm_epsilon = TRY(get_double_or(config, "rms_norm_eps", 1e-6));
  decoder.activation = TRY(read_activation(config, "hidden_act", "silu"));
  decoder.tied_head = TRY(get_bool_or(config, "tie_word_embeddings", defaults.tied_head));
  RotaryDefaults rotary;
  rotary.theta = defaults.theta;
  rotary.head_width = decoder.head_width;
  rotary.context = decoder.context;
  decoder.rotary = TRY(read_rotary(config, rotary));
  return decoder;
}

Status set_layer_type(const Json& type, int64_t window, LayerConfig& layer) {
  if (type == "full_attention") {
    layer.window = 0;
  } else if (type == "sliding_attention" && window > 0) {
    layer.window = window;
  } else {
    return unsupported("layer_types: {} is not known here; known are \"full_attention\" and, with "
                       "a sliding_window, \"sliding_attention\"", type.dump());
  }
  return {};
}

// Windows of the layers from `layer_types`, which wins over the older keys that set `decoder` so
// far.
Status read_layer_types(const Json& config, int64_t window, DecoderConfig& decoder) {
  const Json* types = find(config, "layer_types");
  if (types == nullptr) return {};
  if (!types->is_array() || types->size() != decoder.layers.size()) {
    return invalid_input("layer_types: must be a list of {} names, one for each layer",
                         decoder.layers.size());
  }
  for (size_t i = 0; i < decoder.layers.size(); ++i) {
    TRY(set_layer_type((*types)[i], window, decoder.layers[i]));
  }
  return {};
}

// The window in use: sliding_window where use_sliding_window is set, else 0.
Result<int64_t> switched_window(const Json& config, int64_t fallback) {
  if (!TRY(get_bool_or(config, "use_sliding_window", false))) return int64_t{0};
  return get_int_or(config, "sliding_window", fallback);
}

Status read_qwen_windows(const Json& config, DecoderConfig& decoder) {
  int64_t window = TRY(switched_window(config, 4096));
  int64_t full_layers = TRY(get_int_or(config, "max_window_layers", 28));
  for (int64_t i = full_layers; i < decoder.layer_count(); ++i) {
    if (i >= 0) decoder.layers[static_cast<size_t>(i)].window = window;
  }
  return read_layer_types(config, window, decoder);
}

// no_rope_layers: 1 where a layer rotates, 0 where it has no positions.
Status read_rope_layers(const Json& config, DecoderConfig& decoder) {
  int64_t interval = TRY(get_int_or(config, "no_rope_layer_interval", 4));
  if (interval <= 0) return invalid_input("no_rope_layer_interval: must be above 0");
  const Json* flags = find(config, "no_rope_layers");
  if (flags != nullptr && (!flags->is_array() || flags->size() < decoder.layers.size())) {
    return invalid_input("no_rope_layers: must be a list of {} numbers", decoder.layers.size());
  }
  for (size_t i = 0; i < decoder.layers.size(); ++i) {
    bool rotates = (static_cast<int64_t>(i) + 1) % interval != 0;
    if (flags != nullptr) rotates = (*flags)[i] == 1 || (*flags)[i] == true;
    decoder.layers[i].rotary = rotates;
  }
  return {};
}

}  // namespace

Result<DecoderConfig> configure_llama(const Json& config) {
  DecoderConfig decoder = TRY(read_block(config, {}));
  decoder.qkv_bias = TRY(get_bool_or(config, "attention_bias", false));
  decoder.output_bias = decoder.qkv_bias;
  decoder.feed_forward_bias = TRY(get_bool_or(config, "mlp_bias", false));
  return decoder;
}

Result<DecoderConfig> configure_mistral(const Json& config) {
  DecoderConfig decoder = TRY(read_block(config, {.kv_heads = 8, .context = 131072}));
  // Absent means Mistral's first window; null means none.
  int64_t fallback = config.contains("sliding_window") ? 0 : 4096;
  int64_t window = TRY(get_int_or(config, "sliding_window", fallback));
  if (window < 0) return invalid_input("sliding_window: {} must not be negative", window);
  for (LayerConfig& layer : decoder.layers) layer.window = window;
  TRY(read_layer_types(config, window, decoder));
  return decoder;
}

Result<DecoderConfig> configure_qwen2(const Json& config) {
  DecoderConfig decoder = TRY(read_block(config, {.context = 32768}));
  decoder.qkv_bias = true;
  TRY(read_qwen_windows(config, decoder));
  return decoder;
}

Result<DecoderConfig> configure_qwen3(const Json& config) {
  DecoderConfig decoder = TRY(read_block(config, {.head_width = 128, .context = 32768}));
  decoder.qkv_bias = TRY(get_bool_or(config, "attention_bias", false));
  decoder.output_bias = decoder.qkv_bias;
  decoder.names.q_norm = "model.layers.{}.self_attn.q_norm";
  decoder.names.k_norm = "model.layers.{}.self_attn.k_norm";
  TRY(read_qwen_windows(config, decoder));
  return decoder;
}

Result<DecoderConfig> configure_smollm3(const Json& config) {
  Defaults defaults{.kv_heads = 4, .context = 32768, .theta = 2e6, .tied_head = true};
  DecoderConfig decoder = TRY(read_block(config, defaults));
  decoder.qkv_bias = TRY(get_bool_or(config, "attention_bias", false));
  decoder.output_bias = decoder.qkv_bias;
  decoder.feed_forward_bias = TRY(get_bool_or(config, "mlp_bias", false));
  TRY(read_rope_layers(config, decoder));
  int64_t window = TRY(switched_window(config, 0));
  for (LayerConfig& layer : decoder.layers) layer.window = layer.rotary ? 0 : window;
  TRY(read_layer_types(config, window, decoder));
  return decoder;
}

}  // namespace attune::engine::models
