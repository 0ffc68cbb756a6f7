// Falcon: the 7B layout (parallel block with one norm, one key/value head), the 40B and 180B layout
// (two norms, a few key/value heads), and the RW models (sequential block, ALiBi, biases).
#include <c10/util/BFloat16.h>

#include <cmath>

#include "engine/models/families/family.h"

namespace attune::engine::models {
namespace {

// Slopes of arXiv 2108.12409 §3: a geometric sequence over the heads, and for a number of heads
// that is no power of two the odd members of the next finer sequence for the rest. Falcon keeps
// them in bf16.
std::vector<float> alibi_slopes(int64_t heads) {
  int64_t whole = 1;
  while (whole * 2 <= heads) whole *= 2;
  auto slope = [](int64_t of, int64_t index) {
    return std::exp2(-8.0 * static_cast<double>(index) / static_cast<double>(of));
  };
  std::vector<float> slopes;
  for (int64_t i = 1; i <= heads; ++i) {
    double value = i <= whole ? slope(whole, i) : slope(2 * whole, 2 * (i - whole) - 1);
    slopes.push_back(static_cast<float>(c10::BFloat16(static_cast<float>(value))));
  }
  return slopes;
}

struct Shape {
  bool grouped = false;      // new_decoder_architecture
  bool multi_query = true;
  bool parallel = true;
  int64_t norms = 1;         // of a parallel block
};

Result<Shape> read_shape(const Json& config) {
  Shape shape;
  shape.grouped = TRY(get_bool_or(config, "new_decoder_architecture", false));
  shape.multi_query = TRY(get_bool_or(config, "multi_query", true)) && !shape.grouped;
  shape.parallel = TRY(get_bool_or(config, "parallel_attn", true)) || shape.grouped;
  shape.norms = TRY(get_int_or(config, "num_ln_in_parallel_attn", shape.grouped ? 2 : 1));
  if (shape.norms != 1 && !(shape.norms == 2 && shape.grouped)) {
    return unsupported("num_ln_in_parallel_attn: {} is not known here; 1, or 2 with "
                       "new_decoder_architecture", shape.norms);
  }
  return shape;
}

ModuleNames falcon_names(const Shape& shape) {
  const std::string layer = "transformer.h.{}.";
  ModuleNames names;
  names.embedding = "transformer.word_embeddings";
  names.final_norm = "transformer.ln_f";
  names.head = "lm_head";
  names.qkv = layer + "self_attention.query_key_value";
  names.output = layer + "self_attention.dense";
  names.up = layer + "mlp.dense_h_to_4h";
  names.down = layer + "mlp.dense_4h_to_h";
  names.attention_norm = layer + "input_layernorm";
  if (shape.norms == 2) {
    names.attention_norm = layer + "ln_attn";
    names.feed_forward_norm = layer + "ln_mlp";
  } else if (!shape.parallel) {
    names.feed_forward_norm = layer + "post_attention_layernorm";
  }
  return names;
}

}  // namespace

Result<DecoderConfig> configure_falcon(const Json& config) {
  Shape shape = TRY(read_shape(config));
  DecoderConfig decoder;
  decoder.names = falcon_names(shape);
  decoder.vocabulary = TRY(get_int(config, "vocab_size"));
  decoder.width = TRY(get_int(config, "hidden_size"));
  decoder.heads = TRY(get_int(config, "num_attention_heads"));
  if (decoder.heads <= 0 || decoder.width % decoder.heads != 0) {
    return invalid_input("hidden_size {} is no multiple of num_attention_heads {}", decoder.width,
                         decoder.heads);
  }
  decoder.head_width = decoder.width / decoder.heads;
  decoder.kv_heads = decoder.heads;
  if (shape.grouped) decoder.kv_heads = TRY(get_int_or(config, "num_kv_heads", decoder.heads));
  if (shape.multi_query) decoder.kv_heads = 1;
  decoder.qkv_layout = QkvLayout::kGrouped;
  decoder.feed_forward = TRY(get_int_or(config, "ffn_hidden_size", 4 * decoder.width));
  decoder.context = TRY(get_int_or(config, "max_position_embeddings", 2048));
  int64_t layers = TRY(get_int(config, "num_hidden_layers"));
  decoder.layers = TRY(alike_layers(layers));
  decoder.norm = NormKind::kLayer;
  decoder.norm_epsilon = TRY(get_double_or(config, "layer_norm_epsilon", 1e-5));
  decoder.activation = TRY(read_activation(config, "activation", "gelu"));
  decoder.residual = shape.parallel ? ResidualKind::kParallel : ResidualKind::kSequential;
  decoder.qkv_bias = TRY(get_bool_or(config, "bias", false));
  decoder.output_bias = decoder.qkv_bias;
  decoder.feed_forward_bias = decoder.qkv_bias;
  decoder.tied_head = TRY(get_bool_or(config, "tie_word_embeddings", true));
  if (TRY(get_bool_or(config, "alibi", false))) {
    decoder.positions = PositionKind::kAlibi;
    decoder.alibi_slopes = alibi_slopes(decoder.heads);
    // Falcon scales the scores after it added the bias.
    decoder.alibi_scale = 1.0 / std::sqrt(static_cast<double>(decoder.head_width));
    return decoder;
  }
  RotaryDefaults rotary;
  rotary.head_width = decoder.head_width;
  rotary.context = decoder.context;
  decoder.rotary = TRY(read_rotary(config, rotary));
  return decoder;
}

}  // namespace attune::engine::models
