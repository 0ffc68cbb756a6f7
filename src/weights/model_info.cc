#include "weights/model_info.h"

#include <algorithm>
#include <map>

#include "text/unicode.h"
#include "weights/lora_files.h"
#include "weights/model_files.h"

namespace attune::weights {
namespace {

const char* format_name(ModelFormat format) {
  switch (format) {
    case ModelFormat::kFolder:
      return "folder";
    case ModelFormat::kGguf:
      return "gguf";
    case ModelFormat::kLlama2c:
      return "llama2c";
  }
  return "";
}

// The first of several spellings that a config has.
OrderedJson first_key(const Json& config, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (const Json* value = find(config, key)) return OrderedJson::parse(value->dump());
  }
  return nullptr;
}

Result<OrderedJson> tokenizer_info(const ModelFiles& files) {
  const char* kind = !files.tokenizer_json_path().empty()  ? "tokenizer.json"
                     : !files.sentencepiece_path().empty() ? "tokenizer.model"
                     : files.gguf_vocabulary()             ? "gguf"
                                                           : nullptr;
  if (kind == nullptr) return OrderedJson();
  text::Tokenizer tokenizer = TRY(load_tokenizer(files));
  OrderedJson info = {{"kind", kind}, {"vocabulary", tokenizer.vocabulary_size()}};
  if (tokenizer.bos_id()) info["bos"] = tokenizer.id_to_token(*tokenizer.bos_id());
  if (tokenizer.eos_id()) info["eos"] = tokenizer.id_to_token(*tokenizer.eos_id());
  return info;
}

struct Share {
  int64_t tensors = 0;
  int64_t parameters = 0;
};

Result<OrderedJson> weights_info(const ModelFiles& files) {
  std::map<std::string, Share> shares;
  int64_t parameters = 0;
  uint64_t bytes = 0;
  for (const std::string& name : files.tensor_names()) {
    const TensorView* view = files.find(name);
    int64_t count = TRY(element_count(view->shape));
    Share& share = shares[to_string(view->dtype)];
    ++share.tensors;
    share.parameters += count;
    parameters += count;
    bytes += view->bytes;
  }
  OrderedJson dtypes = OrderedJson::object();
  for (const auto& [name, share] : shares) {
    dtypes[name] = {{"tensors", share.tensors}, {"parameters", share.parameters}};
  }
  return OrderedJson{{"parameters", parameters}, {"bytes", bytes}, {"dtypes", dtypes}};
}

Result<OrderedJson> adapter_info(const std::string& path) {
  LoraAdapter adapter = TRY(read_lora_folder(path));
  int64_t parameters = 0;
  for (const auto& [name, pair] : adapter.pairs) {
    parameters += pair.rank * (pair.in + pair.out);
  }
  OrderedJson info = {{"path", path},
                      {"format", "adapter"},
                      {"base", adapter.config.base_model_name_or_path},
                      {"r", adapter.config.r},
                      {"lora_alpha", adapter.config.lora_alpha},
                      {"use_rslora", adapter.config.use_rslora},
                      {"target_modules", adapter.config.target_modules},
                      {"modules", adapter.pairs.size()},
                      {"parameters", parameters}};
  if (!adapter.saved.contains("score.weight")) return info;
  info["score_head"] = true;
  const std::string normaliser = join_path(path, "reward_normaliser.json");
  if (exists(normaliser)) {
    info["reward_normaliser"] = OrderedJson(TRY(read_json_file(normaliser)));
  }
  return info;
}

// What a classifier has in place of a language model's head: a reward model has one label.
void describe_score_head(const ModelFiles& files, OrderedJson& info) {
  const TensorView* score = files.find("score.weight");
  if (score == nullptr || score->shape.size() != 2) return;
  info.erase("tied_head");
  info["score_head"] = true;
  info["labels"] = score->shape[0];
  if (const Json* stored = find(files.config(), "reward_normaliser")) {
    info["reward_normaliser"] = OrderedJson(*stored);
  }
}

std::string size_text(double value, const char* unit) {
  if (value >= 1e9) return fmt::format("{:.2f} G{}", value / 1e9, unit);
  if (value >= 1e6) return fmt::format("{:.1f} M{}", value / 1e6, unit);
  return fmt::format("{:.0f} {}", value, unit);
}

std::string value_text(const std::string& key, const OrderedJson& value) {
  if (key == "bytes") return byte_text(value.get<uint64_t>());
  if (key == "parameters") {
    auto count = value.get<int64_t>();
    return count < 1'000'000 ? fmt::format("{}", count)
                             : fmt::format("{} ({})", count, size_text(value.get<double>(), ""));
  }
  if (value.is_null()) return "none";
  if (value.is_string()) {
    // Token names come from strangers' files: what would steer a terminal is escaped.
    auto name = value.get<std::string>();
    bool plain = text::valid_utf8_prefix(name) == name.size() &&
                 std::none_of(name.begin(), name.end(),
                              [](unsigned char c) { return c < 32 || c == 127; });
    return plain ? name : to_line(value);
  }
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  return to_line(value);
}

}  // namespace

Result<OrderedJson> model_info(const std::string& path) {
  if (is_lora_folder(path)) return adapter_info(path);
  ModelFiles files = TRY(ModelFiles::open(path));
  const Json& config = files.config();
  OrderedJson info = {{"path", path}, {"format", format_name(files.format())}};
  info["model_type"] = first_key(config, {"model_type"});
  info["architecture"] = first_key(config, {"architectures"});
  if (info["architecture"].is_array() && !info["architecture"].empty()) {
    info["architecture"] = OrderedJson(info["architecture"][0]);
  }
  OrderedJson weights = TRY(weights_info(files));
  info.update(weights);
  info["hidden_size"] = first_key(config, {"hidden_size", "n_embd"});
  info["layers"] = first_key(config, {"num_hidden_layers", "n_layer"});
  info["heads"] = first_key(config, {"num_attention_heads", "n_head"});
  info["key_value_heads"] = first_key(config, {"num_key_value_heads", "num_kv_heads"});
  info["context"] = first_key(config, {"max_position_embeddings", "n_positions"});
  info["vocabulary"] = first_key(config, {"vocab_size"});
  bool has_head = files.has("lm_head.weight") || files.has("embed_out.weight");
  info["tied_head"] = !has_head;
  describe_score_head(files, info);
  info["tokenizer"] = TRY(tokenizer_info(files));
  info["chat_template"] = !files.chat_template().empty();
  return info;
}

std::string byte_text(uint64_t bytes) {
  return size_text(static_cast<double>(bytes), "B");
}

std::string model_info_text(const OrderedJson& info) {
  std::string text;
  for (const auto& [key, value] : info.items()) {
    if (!value.is_object()) {
      text += fmt::format("{:<16} {}\n", key, value_text(key, value));
      continue;
    }
    for (const auto& [inner, part] : value.items()) {
      std::string shown = part.is_object() && part.contains("tensors")
                              ? fmt::format("{} tensors, {} values", part["tensors"].get<int64_t>(),
                                            part["parameters"].get<int64_t>())
                              : value_text("", part);
      text += fmt::format("{:<16} {:<10} {}\n", key, inner, shown);
    }
  }
  return text;
}

}  // namespace attune::weights
