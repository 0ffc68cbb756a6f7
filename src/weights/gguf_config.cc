#include "weights/gguf_config.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "weights/quant_blocks.h"

namespace attune::weights {
namespace {

constexpr int64_t kSizeMax = int64_t{1} << 31;

// Reads `<architecture>.<key>` of one file.
class Keys {
 public:
  Keys(const GgufFile& file, std::string architecture)
      : file_(file), architecture_(std::move(architecture)) {}

  Result<int64_t> size(const std::string& key, int64_t fallback = 0) const {
    std::string full = name(key);
    int64_t value = TRY(fallback > 0 ? file_.get_int_or(full, fallback) : file_.get_int(full));
    if (value > 0 && value <= kSizeMax) return value;
    return invalid_input("{}: key {} is {}, a size from 1 to 2^31 is needed", file_.path(), full,
                         value);
  }
  // A size that some writers give once a layer: all must be equal.
  Result<int64_t> uniform_size(const std::string& key, int64_t fallback = 0) const {
    const GgufValue* value = file_.value(name(key));
    if (value == nullptr || value->type != GgufType::kArray) return size(key, fallback);
    std::vector<int64_t> sizes = TRY(value->as_ints());
    bool equal = !sizes.empty() && sizes[0] > 0 &&
                 std::all_of(sizes.begin(), sizes.end(), [&](int64_t s) { return s == sizes[0]; });
    if (equal) return sizes[0];
    return unsupported("{}: key {} differs between layers", file_.path(), name(key));
  }
  Result<double> number(const std::string& key, double fallback) const {
    double value = TRY(file_.get_number_or(name(key), fallback));
    if (std::isfinite(value)) return shortest(value);
    return invalid_input("{}: key {} is not finite", file_.path(), name(key));
  }
  bool has(const std::string& key) const { return file_.value(name(key)) != nullptr; }
  std::string name(const std::string& key) const { return architecture_ + "." + key; }
  const GgufFile& file() const { return file_; }

 private:
  // GGUF stores floats in 32 bits; config.json says 1e-05, not 9.99999974e-06.
  static double shortest(double value) {
    float narrow = static_cast<float>(value);
    if (static_cast<double>(narrow) != value) return value;
    return std::strtod(fmt::format("{}", narrow).c_str(), nullptr);
  }

  const GgufFile& file_;
  std::string architecture_;
};

Result<int64_t> vocabulary_size(const Keys& keys) {
  if (const TensorView* embedding = keys.file().find("token_embd.weight")) {
    if (embedding->shape.size() == 2) return embedding->shape[0];
  }
  if (const GgufValue* tokens = keys.file().value("tokenizer.ggml.tokens")) {
    return static_cast<int64_t>(tokens->count);
  }
  return keys.size("vocab_size");
}

// Llama 3's scaling is stored as one divisor for each rotary frequency (rope_freqs.weight); the
// four numbers of config.json are found again by trying the published ones.
Result<Json> llama3_scaling(const Keys& keys, const TensorView& factors, double theta,
                            int64_t head_dim) {
  std::vector<float> stored(static_cast<size_t>(TRY(element_count(factors.shape))));
  TRY(to_float(factors, stored));
  float factor = stored.empty() ? 0.0f : *std::max_element(stored.begin(), stored.end());
  if (static_cast<int64_t>(stored.size()) * 2 != head_dim || !(factor > 1.0f)) {
    if (std::all_of(stored.begin(), stored.end(), [](float f) { return f == 1.0f; })) return Json();
    return invalid_input("{}: rope_freqs.weight does not fit a head of {}", keys.file().path(),
                         head_dim);
  }
  constexpr double kLow = 1.0, kHigh = 4.0, kContext = 8192.0;
  for (size_t i = 0; i < stored.size(); ++i) {
    double exponent = 2.0 * static_cast<double>(i) / static_cast<double>(head_dim);
    double turns = kContext * std::pow(theta, -exponent) / (2.0 * std::numbers::pi);
    double smooth = (turns - kLow) / (kHigh - kLow);
    double expected = turns < kLow    ? factor
                      : turns > kHigh ? 1.0
                                      : 1.0 / ((1.0 - smooth) / factor + smooth);
    if (std::fabs(stored[i] / expected - 1.0) > 1e-3) {
      return unsupported(
          "{}: rope_freqs.weight is not the scaling of Llama 3; use the model's Hugging "
          "Face folder",
          keys.file().path());
    }
  }
  return Json{{"rope_type", "llama3"},
              {"factor", factor},
              {"low_freq_factor", kLow},
              {"high_freq_factor", kHigh},
              {"original_max_position_embeddings", 8192}};
}

// config.json's rope_scaling, or null.
Result<Json> rope_scaling(const Keys& keys, double theta, int64_t head_dim) {
  if (const TensorView* factors = keys.file().find("rope_freqs.weight")) {
    return llama3_scaling(keys, *factors, theta, head_dim);
  }
  std::string type = TRY(keys.file().get_string_or(keys.name("rope.scaling.type"), "none"));
  if (type == "none") return Json();
  if (type != "linear" && type != "yarn") {
    return unsupported("{}: rope scaling \"{}\" is not known; use the model's Hugging Face folder",
                       keys.file().path(), type);
  }
  Json scaling = {{"rope_type", type}, {"factor", TRY(keys.number("rope.scaling.factor", 1.0))}};
  for (const char* key : {"beta_fast", "beta_slow"}) {
    std::string name = std::string("rope.scaling.yarn_") + key;
    if (keys.has(name)) scaling[key] = TRY(keys.number(name, 1.0));
  }
  if (keys.has("rope.scaling.original_context_length")) {
    scaling["original_max_position_embeddings"] =
        TRY(keys.size("rope.scaling.original_context_length"));
  }
  return scaling;
}

Status fill_llama(const Keys& keys, const std::string& model_type, Json& config) {
  int64_t heads = TRY(keys.uniform_size("attention.head_count"));
  int64_t width = TRY(keys.size("embedding_length"));
  int64_t rope_size =
      model_type == "llama" ? TRY(keys.size("rope.dimension_count", width / heads)) : width / heads;
  int64_t head_dim = TRY(keys.size("attention.key_length", rope_size));
  double theta = TRY(keys.number("rope.freq_base", 10000.0));
  config["hidden_size"] = width;
  config["num_hidden_layers"] = TRY(keys.size("block_count"));
  config["intermediate_size"] = TRY(keys.uniform_size("feed_forward_length"));
  config["num_attention_heads"] = heads;
  config["num_key_value_heads"] = TRY(keys.uniform_size("attention.head_count_kv", heads));
  config["head_dim"] = head_dim;
  config["max_position_embeddings"] = TRY(keys.size("context_length"));
  config["rms_norm_eps"] = TRY(keys.number("attention.layer_norm_rms_epsilon", 1e-5));
  config["rope_theta"] = theta;
  config["hidden_act"] = "silu";
  config["attention_bias"] = keys.file().find("blk.0.attn_q.bias") != nullptr;
  if (model_type == "llama") config["mlp_bias"] = keys.file().find("blk.0.ffn_up.bias") != nullptr;
  if (keys.has("attention.sliding_window")) {
    config["sliding_window"] = TRY(keys.size("attention.sliding_window"));
    // The llama family has no window; Mistral is the same otherwise.
    if (model_type == "llama") {
      config["model_type"] = "mistral";
      config["architectures"] = Json::array({"MistralForCausalLM"});
    }
  }
  if (Json scaling = TRY(rope_scaling(keys, theta, head_dim)); !scaling.is_null()) {
    config["rope_scaling"] = std::move(scaling);
  }
  return {};
}

Status fill_falcon(const Keys& keys, Json& config) {
  int64_t heads = TRY(keys.uniform_size("attention.head_count"));
  int64_t key_heads = TRY(keys.uniform_size("attention.head_count_kv", 1));
  int64_t width = TRY(keys.size("embedding_length"));
  bool two_norms = keys.file().find("blk.0.attn_norm_2.weight") != nullptr;
  bool grouped = two_norms || (key_heads > 1 && key_heads < heads);
  config["hidden_size"] = width;
  config["num_hidden_layers"] = TRY(keys.size("block_count"));
  config["num_attention_heads"] = heads;
  config["num_kv_heads"] = key_heads;
  config["new_decoder_architecture"] = grouped;
  if (grouped) config["num_ln_in_parallel_attn"] = two_norms ? 2 : 1;
  config["multi_query"] = key_heads == 1;
  config["parallel_attn"] = true;
  config["bias"] = keys.file().find("blk.0.attn_qkv.bias") != nullptr;
  config["alibi"] = false;
  config["ffn_hidden_size"] = TRY(keys.uniform_size("feed_forward_length", 4 * width));
  config["max_position_embeddings"] = TRY(keys.size("context_length"));
  config["layer_norm_epsilon"] = TRY(keys.number("attention.layer_norm_epsilon", 1e-5));
  config["rope_theta"] = TRY(keys.number("rope.freq_base", 10000.0));
  config["activation"] = "gelu";
  return {};
}

Status fill_gpt_neox(const Keys& keys, Json& config) {
  int64_t heads = TRY(keys.uniform_size("attention.head_count"));
  int64_t width = TRY(keys.size("embedding_length"));
  if (width < heads) return invalid_input("{}: fewer channels than heads", keys.file().path());
  int64_t rotary = TRY(keys.size("rope.dimension_count", width / heads));
  bool parallel = TRY(keys.file().get_bool_or(keys.name("use_parallel_residual"), true));
  config["hidden_size"] = width;
  config["num_hidden_layers"] = TRY(keys.size("block_count"));
  config["num_attention_heads"] = heads;
  config["intermediate_size"] = TRY(keys.uniform_size("feed_forward_length"));
  config["max_position_embeddings"] = TRY(keys.size("context_length"));
  config["layer_norm_eps"] = TRY(keys.number("attention.layer_norm_epsilon", 1e-5));
  config["rotary_pct"] = static_cast<double>(rotary) / static_cast<double>(width / heads);
  config["rotary_emb_base"] = TRY(keys.number("rope.freq_base", 10000.0));
  config["use_parallel_residual"] = parallel;
  config["hidden_act"] = "gelu";
  config["attention_bias"] = keys.file().find("blk.0.attn_qkv.bias") != nullptr;
  return {};
}

Status fill_gpt2(const Keys& keys, Json& config) {
  int64_t context = TRY(keys.size("context_length"));
  config["n_embd"] = TRY(keys.size("embedding_length"));
  config["n_layer"] = TRY(keys.size("block_count"));
  config["n_head"] = TRY(keys.uniform_size("attention.head_count"));
  config["n_positions"] = context;
  config["n_ctx"] = context;
  config["n_inner"] = TRY(keys.uniform_size("feed_forward_length"));
  config["layer_norm_epsilon"] = TRY(keys.number("attention.layer_norm_epsilon", 1e-5));
  config["activation_function"] = "gelu_new";
  return {};
}

}  // namespace

Result<HeadCounts> head_counts_of(const GgufFile& file) {
  Keys keys(file, TRY(file.get_string("general.architecture")));
  HeadCounts counts;
  counts.heads = TRY(keys.uniform_size("attention.head_count"));
  bool falcon = TRY(file.get_string("general.architecture")) == "falcon";
  counts.key_heads = TRY(keys.uniform_size("attention.head_count_kv", falcon ? 1 : counts.heads));
  return counts;
}

Result<Json> config_from_gguf(const GgufFile& file, const GgufFamily& family) {
  Keys keys(file, family.architecture);
  std::string model_type = family.model_type;
  Json config = TRY(generation_config_from_gguf(file));
  config["model_type"] = model_type;
  config["architectures"] = Json::array({family.class_name});
  config["vocab_size"] = TRY(vocabulary_size(keys));
  config["tie_word_embeddings"] = file.find("output.weight") == nullptr;
  config["torch_dtype"] = "float32";
  if (model_type == "falcon") {
    TRY(fill_falcon(keys, config));
  } else if (model_type == "gpt_neox") {
    TRY(fill_gpt_neox(keys, config));
  } else if (model_type == "gpt2") {
    TRY(fill_gpt2(keys, config));
  } else {
    TRY(fill_llama(keys, model_type, config));
  }
  return config;
}

Result<Json> generation_config_from_gguf(const GgufFile& file) {
  Json config = Json::object();
  const std::pair<const char*, const char*> names[] = {
      {"tokenizer.ggml.bos_token_id", "bos_token_id"},
      {"tokenizer.ggml.eos_token_id", "eos_token_id"},
      {"tokenizer.ggml.padding_token_id", "pad_token_id"}};
  for (auto [key, name] : names) {
    if (file.value(key) != nullptr) config[name] = TRY(file.get_int(key));
  }
  return config;
}

}  // namespace attune::weights
