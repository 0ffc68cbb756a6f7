// GPT-NeoX and Pythia: parallel residual with two norms, q, k and v interleaved head by head,
// rotary positions on a part of each head.
#include "engine/models/families/family.h"

namespace attune::engine::models {
namespace {

ModuleNames gpt_neox_names() {
  const std::string layer = "gpt_neox.layers.{}.";
  ModuleNames names;
  names.embedding = "gpt_neox.embed_in";
  names.final_norm = "gpt_neox.final_layer_norm";
  names.head = "embed_out";
  names.attention_norm = layer + "input_layernorm";
  names.feed_forward_norm = layer + "post_attention_layernorm";
  names.qkv = layer + "attention.query_key_value";
  names.output = layer + "attention.dense";
  names.up = layer + "mlp.dense_h_to_4h";
  names.down = layer + "mlp.dense_4h_to_h";
  return names;
}

}  // namespace

Result<DecoderConfig> configure_gpt_neox(const Json& config) {
  DecoderConfig decoder;
  decoder.names = gpt_neox_names();
  decoder.vocabulary = TRY(get_int(config, "vocab_size"));
  decoder.width = TRY(get_int(config, "hidden_size"));
  decoder.heads = TRY(get_int(config, "num_attention_heads"));
  if (decoder.heads <= 0 || decoder.width % decoder.heads != 0) {
    return invalid_input("hidden_size {} is no multiple of num_attention_heads {}", decoder.width,
                         decoder.heads);
  }
  decoder.head_width = decoder.width / decoder.heads;
  decoder.kv_heads = decoder.heads;
  decoder.qkv_layout = QkvLayout::kGrouped;
  decoder.feed_forward = TRY(get_int(config, "intermediate_size"));
  decoder.context = TRY(get_int_or(config, "max_position_embeddings", 2048));
  int64_t layers = TRY(get_int(config, "num_hidden_layers"));
  decoder.layers = TRY(alike_layers(layers));
  decoder.norm = NormKind::kLayer;
  decoder.norm_epsilon = TRY(get_double_or(config, "layer_norm_eps", 1e-5));
  decoder.activation = TRY(read_activation(config, "hidden_act", "gelu"));
  bool parallel = TRY(get_bool_or(config, "use_parallel_residual", true));
  decoder.residual = parallel ? ResidualKind::kParallel : ResidualKind::kSequential;
  decoder.qkv_bias = TRY(get_bool_or(config, "attention_bias", true));
  decoder.output_bias = decoder.qkv_bias;
  decoder.feed_forward_bias = true;
  decoder.tied_head = TRY(get_bool_or(config, "tie_word_embeddings", false));
  RotaryDefaults rotary;
  rotary.theta = TRY(get_double_or(config, "rotary_emb_base", 10000.0));
  rotary.rotated_share = TRY(get_double_or(config, "rotary_pct", 0.25));
  rotary.head_width = decoder.head_width;
  rotary.context = decoder.context;
  decoder.rotary = TRY(read_rotary(config, rotary));
  return decoder;
}

}  // namespace attune::engine::models
