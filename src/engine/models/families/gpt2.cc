// GPT-2: learned positions, LayerNorm before each half, weights of its blocks stored [in, out].
#include <cmath>

#include "engine/models/families/family.h"

namespace attune::engine::models {
namespace {

ModuleNames gpt2_names() {
  const std::string layer = "transformer.h.{}.";
  ModuleNames names;
  names.embedding = "transformer.wte";
  names.positions = "transformer.wpe";
  names.final_norm = "transformer.ln_f";
  names.head = "lm_head";
  names.attention_norm = layer + "ln_1";
  names.feed_forward_norm = layer + "ln_2";
  names.qkv = layer + "attn.c_attn";
  names.output = layer + "attn.c_proj";
  names.up = layer + "mlp.c_fc";
  names.down = layer + "mlp.c_proj";
  return names;
}

// Scores are scaled by 1/sqrt(Dh) and, on request, by 1/(layer + 1).
Status read_score_scales(const Json& config, DecoderConfig& decoder) {
  bool by_width = TRY(get_bool_or(config, "scale_attn_weights", true));
  bool by_layer = TRY(get_bool_or(config, "scale_attn_by_inverse_layer_idx", false));
  double scale = by_width ? 1.0 / std::sqrt(static_cast<double>(decoder.head_width)) : 1.0;
  for (size_t i = 0; i < decoder.layers.size(); ++i) {
    decoder.layers[i].score_scale = by_layer ? scale / static_cast<double>(i + 1) : scale;
  }
  return {};
}

}  // namespace

Result<DecoderConfig> configure_gpt2(const Json& config) {
  TRY(require_flag(config, "add_cross_attention", false));
  DecoderConfig decoder;
  decoder.names = gpt2_names();
  decoder.vocabulary = TRY(get_int(config, "vocab_size"));
  decoder.width = TRY(get_int(config, "n_embd"));
  decoder.heads = TRY(get_int(config, "n_head"));
  if (decoder.heads <= 0 || decoder.width % decoder.heads != 0) {
    return invalid_input("n_embd {} is no multiple of n_head {}", decoder.width, decoder.heads);
  }
  decoder.head_width = decoder.width / decoder.heads;
  decoder.kv_heads = decoder.heads;
  decoder.qkv_layout = QkvLayout::kBlocks;
  decoder.feed_forward = TRY(get_int_or(config, "n_inner", 4 * decoder.width));
  decoder.context = TRY(get_int_or(config, "n_positions", 1024));
  int64_t layers = TRY(get_int(config, "n_layer"));
  decoder.layers = TRY(alike_layers(layers));
  decoder.norm = NormKind::kLayer;
  decoder.norm_epsilon = TRY(get_double_or(config, "layer_norm_epsilon", 1e-5));
  decoder.activation = TRY(read_activation(config, "activation_function", "gelu_new"));
  decoder.positions = PositionKind::kLearned;
  decoder.qkv_bias = true;
  decoder.output_bias = true;
  decoder.feed_forward_bias = true;
  decoder.transposed_linear = true;
  decoder.tied_head = TRY(get_bool_or(config, "tie_word_embeddings", true));
  TRY(read_score_scales(config, decoder));
  return decoder;
}

}  // namespace attune::engine::models
