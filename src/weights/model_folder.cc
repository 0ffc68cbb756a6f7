// A Hugging Face folder as a ModelState.
#include <algorithm>
#include <array>

#include "weights/gguf_names.h"
#include "weights/model_state.h"

namespace attune::weights {
namespace {

constexpr const char* kWeights = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

Result<Json> optional_object(const std::string& folder, const char* name) {
  std::string path = join_path(folder, name);
  if (!exists(path)) return Json::object();
  Json value = TRY(read_json_file(path));
  if (!value.is_object()) return invalid_input("{}: an object {{...}} is needed", path);
  return value;
}

// "chat_template" of a JSON file: the template, or a list of {name, template} with a "default".
Result<std::string> template_of(const Json& object, const std::string& path) {
  const Json* value = find(object, "chat_template");
  if (value == nullptr) return std::string();
  if (value->is_string()) return value->get<std::string>();
  std::string first;
  for (const Json& entry : value->is_array() ? *value : Json::array()) {
    std::string name = TRY(get_string_or(entry, "name", ""));
    std::string text = TRY(get_string_or(entry, "template", ""));
    if (name == "default") return text;
    if (first.empty()) first = text;
  }
  if (!first.empty()) return first;
  return invalid_input("{}: key chat_template is neither text nor a list of named templates", path);
}

Status read_texts(ModelState& state) {
  state.generation_config = TRY(optional_object(state.path, "generation_config.json"));
  state.tokenizer_config = TRY(optional_object(state.path, "tokenizer_config.json"));
  std::string jinja = join_path(state.path, "chat_template.jinja");
  if (exists(jinja)) {
    state.chat_template = TRY(read_file(jinja));
  } else {
    std::string config_path = join_path(state.path, "tokenizer_config.json");
    state.chat_template = TRY(template_of(state.tokenizer_config, config_path));
    std::string json_path = join_path(state.path, "chat_template.json");
    if (state.chat_template.empty() && exists(json_path)) {
      Json json = TRY(read_json_file(json_path));
      state.chat_template = TRY(template_of(json, json_path));
    }
  }
  state.tokenizer_config.erase("chat_template");
  std::string tokenizer = join_path(state.path, "tokenizer.json");
  if (exists(tokenizer)) state.tokenizer_json_path = tokenizer;
  std::string pieces = join_path(state.path, "tokenizer.model");
  if (exists(pieces)) state.sentencepiece_path = pieces;
  return {};
}

Status add_shard(ModelState& state, const std::string& path) {
  SafetensorsFile shard = TRY(SafetensorsFile::open(path));
  for (const TensorView& view : shard.tensors()) {
    if (!state.tensors.emplace(view.name, StoredTensor{view, {}, false}).second) {
      return invalid_input("{}: tensor {} is in another shard too", path, view.name);
    }
  }
  state.shards.push_back(std::move(shard));
  return {};
}

// A shard's name comes from a stranger: it must name a file of this folder.
bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

Status add_sharded(ModelState& state) {
  std::string path = join_path(state.path, kIndex);
  Json index = TRY(read_json_file(path));
  const Json* map = find(index, "weight_map");
  if (map == nullptr || !map->is_object() || map->empty()) {
    return invalid_input("{}: key weight_map with tensor names and files is missing", path);
  }
  std::map<std::string, std::string> file_of;
  std::map<std::string, size_t> shard_of;
  for (const auto& [tensor, file] : map->items()) {
    if (!file.is_string() || !is_plain_name(file.get<std::string>())) {
      return invalid_input("{}: weight_map of {}: the name of a file in this folder is needed",
                           path, tensor);
    }
    file_of[tensor] = file.get<std::string>();
    shard_of.emplace(file.get<std::string>(), 0);
  }
  for (auto& [file, position] : shard_of) {
    position = state.shards.size();
    const std::string shard = join_path(state.path, file);
    if (!exists(shard)) {
      return not_found("{}: no such file, but {} names it; fetch the model again", shard, kIndex);
    }
    TRY(add_shard(state, shard));
  }
  for (const auto& [tensor, file] : file_of) {
    if (state.shards[shard_of[file]].find(tensor) == nullptr) {
      return invalid_input("{}: tensor {} is not in {}; fetch the model again", path, tensor, file);
    }
  }
  return {};
}

Status add_weights(ModelState& state) {
  std::string single = join_path(state.path, kWeights);
  if (exists(single)) return add_shard(state, single);
  if (exists(join_path(state.path, kIndex))) return add_sharded(state);
  if (exists(join_path(state.path, "pytorch_model.bin"))) {
    return unsupported(
        "{}: the weights are in pytorch_model.bin, which can run code when it is read; "
        "save the model again with safe_serialization=True",
        state.path);
  }
  return not_found("{}: the folder has neither {} nor {}; fetch the model again", state.path,
                   kWeights, kIndex);
}

// What published checkpoints hold beside parameters: buffers that follow from the configuration.
bool is_buffer(std::string_view name) {
  constexpr std::array<std::string_view, 5> kBuffers = {".rotary_emb.inv_freq", ".attn.bias",
                                                        ".attn.masked_bias", ".attention.bias",
                                                        ".attention.masked_bias"};
  return std::any_of(kBuffers.begin(), kBuffers.end(),
                     [&](std::string_view buffer) { return name.ends_with(buffer); });
}

bool is_head(std::string_view name) {
  return name.starts_with("lm_head.") || name.starts_with("embed_out.") ||
         name.starts_with("score.");
}

// Drops buffers, and gives the tensors of a checkpoint of the bare trunk ("h.0.ln_1.weight", as
// GPT-2's own) the names that they have in the whole model.
void use_model_names(ModelState& state) {
  std::erase_if(state.tensors, [](const auto& entry) { return is_buffer(entry.first); });
  Result<std::string> type = get_string_or(state.config, "model_type", "");
  const GgufFamily* family = type.ok() ? gguf_family_of_model(*type) : nullptr;
  if (family == nullptr) return;
  const std::string prefix = family->base_prefix;
  for (const auto& [name, tensor] : state.tensors) {
    if (name.starts_with(prefix)) return;
  }
  std::map<std::string, StoredTensor> named;
  for (auto& [name, tensor] : state.tensors) {
    std::string whole = is_head(name) ? name : prefix + name;
    tensor.view.name = whole;
    named.emplace(std::move(whole), std::move(tensor));
  }
  state.tensors = std::move(named);
}

}  // namespace

Status open_model_folder(ModelState& state, ModelFiles::Parts parts) {
  bool all = parts == ModelFiles::Parts::kAll;
  std::string config_path = join_path(state.path, "config.json");
  if (exists(config_path)) {
    state.config = TRY(optional_object(state.path, "config.json"));
  } else if (all && exists(join_path(state.path, "adapter_config.json"))) {
    return invalid_input(
        "{}: this is a PEFT adapter, no whole model; give its base as the model and "
        "this folder as the adapter",
        state.path);
  } else if (all) {
    return not_found("{}: the folder has no config.json; a model folder or a .gguf file is needed",
                     state.path);
  }
  TRY(read_texts(state));
  if (!all) return {};
  TRY(add_weights(state));
  use_model_names(state);
  return {};
}

}  // namespace attune::weights
