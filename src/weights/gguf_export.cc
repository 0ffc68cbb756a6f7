#include "weights/gguf_export.h"

#include <cmath>
#include <limits>
#include <numbers>

namespace attune::weights {
namespace {

// rope_theta and scaling: top-level keys, or together in "rope_parameters" (Transformers 5).
struct Rope {
  double theta = 10000.0;
  std::string type = "default";
  Json values = Json::object();
};

Result<Rope> rope_of(const Json& config) {
  Rope rope;
  const Json* parameters = find(config, "rope_parameters");
  const Json* scaling = find(config, "rope_scaling");
  const Json& source = parameters != nullptr ? *parameters : config;
  rope.theta = TRY(get_double_or(source, "rope_theta", rope.theta));
  if (find(config, "rotary_emb_base") != nullptr) {
    rope.theta = TRY(get_double(config, "rotary_emb_base"));
  }
  if (scaling != nullptr) rope.values = *scaling;
  if (parameters != nullptr) rope.values = *parameters;
  std::string old_name = TRY(get_string_or(rope.values, "type", "default"));
  rope.type = TRY(get_string_or(rope.values, "rope_type", old_name));
  return rope;
}

// Adds `<architecture>.<key>` values taken from a config.
class Writer {
 public:
  Writer(const Json& config, std::string architecture, GgufMetadata& metadata)
      : config_(config), prefix_(std::move(architecture) + "."), metadata_(metadata) {}

  Status size(const char* key, const char* config_key) {
    int64_t value = TRY(get_int(config_, config_key));
    return add_size(key, value, config_key);
  }
  Status add_size(const char* key, int64_t value, const char* config_key) {
    if (value < 1 || value > std::numeric_limits<int32_t>::max()) {
      return invalid_input("key {} is {}; a size from 1 to 2^31 is needed", config_key, value);
    }
    metadata_.add_u32(prefix_ + key, static_cast<uint32_t>(value));
    return {};
  }
  Status number(const char* key, const char* config_key, double fallback) {
    double value = TRY(get_double_or(config_, config_key, fallback));
    metadata_.add_f32(prefix_ + key, static_cast<float>(value));
    return {};
  }
  Status rope(int64_t rotary_size) {
    Rope rope = TRY(rope_of(config_));
    metadata_.add_f32(prefix_ + "rope.freq_base", static_cast<float>(rope.theta));
    metadata_.add_u32(prefix_ + "rope.dimension_count", static_cast<uint32_t>(rotary_size));
    if (rope.type == "default" || rope.type == "llama3") return {};
    if (rope.type != "linear" && rope.type != "yarn") {
      return unsupported("rope scaling \"{}\" cannot be written to GGUF", rope.type);
    }
    double factor = TRY(get_double(rope.values, "factor"));
    metadata_.add_string(prefix_ + "rope.scaling.type", rope.type);
    metadata_.add_f32(prefix_ + "rope.scaling.factor", static_cast<float>(factor));
    constexpr const char* kOriginal = "original_max_position_embeddings";
    TRY(yarn(rope));
    if (find(rope.values, kOriginal) == nullptr) return {};
    int64_t original = TRY(get_int(rope.values, kOriginal));
    return add_size("rope.scaling.original_context_length", original, kOriginal);
  }
  const Json& config() const { return config_; }

 private:
  Status yarn(const Rope& rope) {
    for (const char* key : {"attention_factor", "mscale", "mscale_all_dim"}) {
      if (find(rope.values, key) == nullptr) continue;
      return unsupported("key {} of the rope scaling cannot be written to GGUF", key);
    }
    for (const char* key : {"beta_fast", "beta_slow"}) {
      if (find(rope.values, key) == nullptr) continue;
      double value = TRY(get_double(rope.values, key));
      metadata_.add_f32(prefix_ + "rope.scaling.yarn_" + key, static_cast<float>(value));
    }
    return {};
  }

  const Json& config_;
  std::string prefix_;
  GgufMetadata& metadata_;
};

Status write_llama(Writer& writer) {
  const Json& config = writer.config();
  int64_t heads = TRY(get_int(config, "num_attention_heads"));
  int64_t width = TRY(get_int(config, "hidden_size"));
  if (heads < 1) return invalid_input("key num_attention_heads is {}", heads);
  int64_t head_dim = TRY(get_int_or(config, "head_dim", width / heads));
  int64_t key_heads = TRY(get_int_or(config, "num_key_value_heads", heads));
  TRY(writer.size("block_count", "num_hidden_layers"));
  TRY(writer.size("context_length", "max_position_embeddings"));
  TRY(writer.size("embedding_length", "hidden_size"));
  TRY(writer.size("feed_forward_length", "intermediate_size"));
  TRY(writer.size("attention.head_count", "num_attention_heads"));
  TRY(writer.add_size("attention.head_count_kv", key_heads, "num_key_value_heads"));
  TRY(writer.number("attention.layer_norm_rms_epsilon", "rms_norm_eps", 1e-6));
  TRY(writer.add_size("attention.key_length", head_dim, "head_dim"));
  TRY(writer.add_size("attention.value_length", head_dim, "head_dim"));
  TRY(writer.size("vocab_size", "vocab_size"));
  bool mistral = TRY(get_string_or(config, "model_type", "")) == "mistral";
  if (mistral && find(config, "sliding_window") != nullptr) {
    TRY(writer.size("attention.sliding_window", "sliding_window"));
  }
  if (!mistral && TRY(get_bool_or(config, "use_sliding_window", false))) {
    return unsupported("GGUF has no sliding window for this family (key use_sliding_window)");
  }
  return writer.rope(head_dim);
}

Status write_falcon(Writer& writer) {
  const Json& config = writer.config();
  if (TRY(get_bool_or(config, "alibi", false)) ||
      !TRY(get_bool_or(config, "parallel_attn", true))) {
    return unsupported(
        "GGUF's falcon has neither ALiBi nor sequential blocks (keys alibi, "
        "parallel_attn); keep the folder");
  }
  HeadCounts counts = TRY(head_counts_of(config));
  int64_t width = TRY(get_int(config, "hidden_size"));
  int64_t inner = TRY(get_int_or(config, "ffn_hidden_size", 4 * width));
  int64_t context = TRY(get_int_or(config, "max_position_embeddings", 2048));
  TRY(writer.size("block_count", "num_hidden_layers"));
  TRY(writer.add_size("context_length", context, "max_position_embeddings"));
  TRY(writer.size("embedding_length", "hidden_size"));
  TRY(writer.add_size("feed_forward_length", inner, "ffn_hidden_size"));
  TRY(writer.add_size("attention.head_count", counts.heads, "num_attention_heads"));
  TRY(writer.add_size("attention.head_count_kv", counts.key_heads, "num_kv_heads"));
  TRY(writer.number("attention.layer_norm_epsilon", "layer_norm_epsilon", 1e-5));
  TRY(writer.size("vocab_size", "vocab_size"));
  return writer.rope(width / counts.heads);
}

Status write_gpt_neox(Writer& writer, GgufMetadata& metadata) {
  const Json& config = writer.config();
  HeadCounts counts = TRY(head_counts_of(config));
  int64_t width = TRY(get_int(config, "hidden_size"));
  double share = TRY(get_double_or(config, "rotary_pct", 0.25));
  if (const Json* parameters = find(config, "rope_parameters")) {
    share = TRY(get_double_or(*parameters, "partial_rotary_factor", share));
  }
  TRY(writer.size("block_count", "num_hidden_layers"));
  TRY(writer.size("context_length", "max_position_embeddings"));
  TRY(writer.size("embedding_length", "hidden_size"));
  TRY(writer.size("feed_forward_length", "intermediate_size"));
  TRY(writer.size("attention.head_count", "num_attention_heads"));
  TRY(writer.number("attention.layer_norm_epsilon", "layer_norm_eps", 1e-5));
  TRY(writer.size("vocab_size", "vocab_size"));
  metadata.add_bool("gptneox.use_parallel_residual",
                    TRY(get_bool_or(config, "use_parallel_residual", true)));
  return writer.rope(static_cast<int64_t>(static_cast<double>(width / counts.heads) * share));
}

Status write_gpt2(Writer& writer) {
  int64_t width = TRY(get_int(writer.config(), "n_embd"));
  int64_t inner = TRY(get_int_or(writer.config(), "n_inner", 4 * width));
  TRY(writer.size("block_count", "n_layer"));
  TRY(writer.size("context_length", "n_positions"));
  TRY(writer.size("embedding_length", "n_embd"));
  TRY(writer.add_size("feed_forward_length", inner, "n_inner"));
  TRY(writer.size("attention.head_count", "n_head"));
  TRY(writer.size("vocab_size", "vocab_size"));
  return writer.number("attention.layer_norm_epsilon", "layer_norm_epsilon", 1e-5);
}

}  // namespace

Result<HeadCounts> head_counts_of(const Json& config) {
  HeadCounts counts;
  std::string type = TRY(get_string(config, "model_type"));
  counts.heads = TRY(get_int(config, type == "gpt2" ? "n_head" : "num_attention_heads"));
  counts.key_heads = counts.heads;
  if (type == "falcon") {
    bool grouped = TRY(get_bool_or(config, "new_decoder_architecture", false));
    bool single = TRY(get_bool_or(config, "multi_query", true));
    if (grouped) {
      counts.key_heads = TRY(get_int_or(config, "num_kv_heads", counts.heads));
    } else if (single) {
      counts.key_heads = 1;
    }
  } else if (type != "gpt2" && type != "gpt_neox") {
    counts.key_heads = TRY(get_int_or(config, "num_key_value_heads", counts.heads));
  }
  if (counts.heads < 1 || counts.key_heads < 1) {
    return invalid_input("{} heads with {} key heads make no model", counts.heads,
                         counts.key_heads);
  }
  return counts;
}

Status add_config_metadata(const Json& config, const GgufFamily& family, GgufMetadata& metadata) {
  metadata.add_string("general.architecture", family.architecture);
  metadata.add_string("general.type", "model");
  Writer writer(config, family.architecture, metadata);
  std::string type = family.model_type;
  if (type == "falcon") return write_falcon(writer);
  if (type == "gpt_neox") return write_gpt_neox(writer, metadata);
  if (type == "gpt2") return write_gpt2(writer);
  return write_llama(writer);
}

Result<std::vector<float>> rope_divisors(const Json& config) {
  std::vector<float> divisors;
  Rope rope = TRY(rope_of(config));
  if (rope.type != "llama3") return divisors;
  double factor = TRY(get_double(rope.values, "factor"));
  double low = TRY(get_double(rope.values, "low_freq_factor"));
  double high = TRY(get_double(rope.values, "high_freq_factor"));
  auto context = static_cast<double>(TRY(get_int(rope.values, "original_max_position_embeddings")));
  int64_t heads = TRY(get_int(config, "num_attention_heads"));
  int64_t width = TRY(get_int(config, "hidden_size"));
  if (heads < 1 || !(high > low)) return invalid_input("key rope_scaling does not make sense");
  int64_t head_dim = TRY(get_int_or(config, "head_dim", width / heads));
  for (int64_t i = 0; i < head_dim; i += 2) {
    double frequency =
        std::pow(rope.theta, -static_cast<double>(i) / static_cast<double>(head_dim));
    double turns = context * frequency / (2.0 * std::numbers::pi);
    double smooth = (turns - low) / (high - low);
    double divisor = turns < low    ? factor
                     : turns > high ? 1.0
                                    : 1.0 / ((1.0 - smooth) / factor + smooth);
    divisors.push_back(static_cast<float>(divisor));
  }
  return divisors;
}

}  // namespace attune::weights
