#include "weights/lora_files.h"

#include <string_view>

#include "base/file.h"
#include "base/json_file.h"
#include "weights/model_folder_writer.h"
#include "weights/quant_blocks.h"

namespace attune::weights {
namespace {

constexpr const char* kConfig = "adapter_config.json";
constexpr const char* kWeights = "adapter_model.safetensors";
constexpr std::string_view kPrefix = "base_model.model.";
constexpr std::string_view kA = ".lora_A.weight";
constexpr std::string_view kB = ".lora_B.weight";

Status take_matrix(const TensorView& view, const std::string& path, bool is_a,
                   LoraAdapter& adapter) {
  int64_t rank = module_rank(adapter.config, path);
  if (view.shape.size() != 2 || view.shape[is_a ? 0 : 1] != rank) {
    return invalid_input("tensor {}: shape {} does not fit the rank {} of {}", view.name,
                         shape_text(view.shape), rank, kConfig);
  }
  LoraPair& pair = adapter.pairs[path];
  std::vector<float>& values = is_a ? pair.a : pair.b;
  values.resize(static_cast<size_t>(TRY(element_count(view.shape))));
  TRY(to_float(view, values));
  pair.rank = rank;
  (is_a ? pair.in : pair.out) = view.shape[is_a ? 1 : 0];
  return {};
}

Status take_tensor(const TensorView& view, LoraAdapter& adapter) {
  std::string_view name = view.name;
  if (!name.starts_with(kPrefix)) {
    return unsupported("tensor {}: names must begin with {}", view.name, kPrefix);
  }
  std::string path(name.substr(kPrefix.size()));
  bool is_a = path.ends_with(kA), is_b = path.ends_with(kB);
  if (is_a || is_b) {
    path.resize(path.size() - kA.size());
    return take_matrix(view, path, is_a, adapter);
  }
  if (path.find("lora_") != std::string::npos) {
    return unsupported("tensor {}: adapters of embeddings, biases or magnitudes cannot be used",
                       view.name);
  }
  adapter.saved[path] = view;
  return {};
}

Status check_pairs(const LoraAdapter& adapter) {
  for (const auto& [path, pair] : adapter.pairs) {
    if (pair.a.empty() || pair.b.empty()) {
      return invalid_input("module {} has {} but no {}", path, pair.a.empty() ? "lora_B" : "lora_A",
                           pair.a.empty() ? "lora_A" : "lora_B");
    }
  }
  if (adapter.pairs.empty() && adapter.saved.empty()) return invalid_input("the adapter is empty");
  return {};
}

}  // namespace

bool is_lora_folder(const std::string& path) {
  return exists(join_path(path, kConfig)) && !exists(join_path(path, "model.safetensors")) &&
         !exists(join_path(path, "model.safetensors.index.json"));
}

Result<NamedBase> named_base_of(const std::string& adapter_folder) {
  const std::string config_path = join_path(adapter_folder, kConfig);
  const Json json = TRY(read_json_file(config_path));
  NamedBase base{TRY(get_string_or(json, "base_model_name_or_path", "")),
                 TRY(get_string_or(json, "revision", ""))};
  if (!base.name.empty()) return base;
  return invalid_input("{}: no base_model_name_or_path; give the base as the model and this "
                       "folder as --adapter", config_path);
}

Result<ModelPlace> model_place(const std::string& path) {
  if (!is_lora_folder(path)) return ModelPlace{path, ""};
  const NamedBase base = TRY(named_base_of(path));
  if (exists(base.name)) return ModelPlace{base.name, path};
  return not_found("{}: the base model {} is not a local path; give the base as the model and "
                   "this folder as --adapter", join_path(path, kConfig), base.name);
}

Result<LoraAdapter> read_lora_folder(const std::string& path) {
  LoraAdapter adapter;
  std::string config_path = join_path(path, kConfig);
  Json json = TRY(read_json_file(config_path));
  Result<LoraConfig> config = lora_config_from_json(json);
  if (!config.ok()) return config.error().with_context(config_path);
  adapter.config = std::move(*config);
  std::string weights_path = join_path(path, kWeights);
  adapter.file = TRY(SafetensorsFile::open(weights_path));
  for (const TensorView& view : adapter.file.tensors()) {
    Status taken = take_tensor(view, adapter);
    if (!taken.ok()) return taken.error().with_context(weights_path);
  }
  Status complete = check_pairs(adapter);
  if (!complete.ok()) return complete.error().with_context(weights_path);
  return adapter;
}

Status write_lora_folder(const std::string& path, const LoraConfig& config,
                         std::span<const TensorView> tensors) {
  return write_folder(path, [&](const std::string& place) -> Status {
    TRY(write_safetensors(join_path(place, kWeights), tensors, {{"format", "pt"}}));
    return write_json_file(join_path(place, kConfig), to_json(config));
  });
}

}  // namespace attune::weights
