// Adapters as PEFT folders: adapter_config.json and adapter_model.safetensors, keys
// base_model.model.<module path>.lora_A.weight and lora_B.weight (peft 0.21).
#include "engine/nn/adapters.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <span>
#include <string_view>

#include "base/file.h"
#include "base/json.h"
#include "weights/quant_blocks.h"
#include "weights/safetensors.h"
#include "weights/safetensors_writer.h"

namespace attune::engine::nn {
namespace {

constexpr std::string_view kPrefix = "base_model.model.";
constexpr const char* kConfigName = "adapter_config.json";
constexpr const char* kWeightsName = "adapter_model.safetensors";

struct TensorKey {
  std::string path;
  bool is_a = false;
};

Result<TensorKey> parse_key(const std::string& name) {
  constexpr std::string_view kA = ".lora_A.weight";
  constexpr std::string_view kB = ".lora_B.weight";
  const bool is_a = name.ends_with(kA);
  if (!name.starts_with(kPrefix) || (!is_a && !name.ends_with(kB))) {
    return unsupported("tensor \"{}\" is no LoRA matrix; only lora_A and lora_B are known here",
                       name);
  }
  const size_t length = name.size() - kPrefix.size() - kA.size();
  return TensorKey{name.substr(kPrefix.size(), length), is_a};
}

Result<Tensor> read_matrix(const weights::TensorView& view, int64_t rows, int64_t columns) {
  const std::vector<int64_t> expected = {rows, columns};
  if (view.shape != expected) {
    return invalid_input("tensor \"{}\" has the shape {}, but this model and config mean {}",
                         view.name, weights::shape_text(view.shape), weights::shape_text(expected));
  }
  Tensor tensor = at::empty({rows, columns});
  std::span<float> values(tensor.data_ptr<float>(), static_cast<size_t>(tensor.numel()));
  TRY(weights::to_float(view, values));
  return tensor;
}

Result<weights::LoraConfig> read_config(const std::string& folder) {
  const std::string path = join_path(folder, kConfigName);
  Json json = TRY(read_json_file(path));
  auto config = weights::lora_config_from_json(json);
  if (!config.ok()) return config.error().with_context(path);
  return config;
}

weights::TensorView view_of(const std::string& name, const Tensor& fp32) {
  weights::TensorView view;
  view.name = name;
  view.dtype = weights::DType::kF32;
  view.shape = fp32.sizes().vec();
  view.data = reinterpret_cast<const uint8_t*>(fp32.const_data_ptr<float>());
  view.bytes = fp32.nbytes();
  return view;
}

Status check_complete(const Adapter& adapter) {
  if (adapter.pairs.empty()) return invalid_input("there is no LoRA matrix in it");
  for (const auto& [path, pair] : adapter.pairs) {
    if (pair.a.defined() && pair.b.defined()) continue;
    return invalid_input("module \"{}\" has {} only", path, pair.a.defined() ? "lora_A" : "lora_B");
  }
  return {};
}

}  // namespace

Result<Adapter> Adapters::read_adapter(const std::string& name,
                                       const std::string& peft_folder) const {
  Adapter adapter{name, TRY(read_config(peft_folder)), {}};
  const std::string path = join_path(peft_folder, kWeightsName);
  weights::SafetensorsFile file = TRY(weights::SafetensorsFile::open(path));
  for (const weights::TensorView& view : file.tensors()) {
    TensorKey key = TRY(parse_key(view.name));
    auto module = modules_.find(key.path);
    if (module == modules_.end()) {
      return invalid_input("{}: this model has no linear layer \"{}\"; the adapter belongs to "
                           "another one", path, key.path);
    }
    const int64_t rank = weights::module_rank(adapter.config, key.path);
    LoraPair& pair = adapter.pairs[key.path];
    pair.scale = weights::module_scale(adapter.config, key.path);
    pair.dropout = adapter.config.lora_dropout;
    auto matrix = key.is_a ? read_matrix(view, rank, module->second.in)
                           : read_matrix(view, module->second.out, rank);
    if (!matrix.ok()) return matrix.error().with_context(path);
    (key.is_a ? pair.a : pair.b) = *matrix;
  }
  Status complete = check_complete(adapter);
  if (!complete.ok()) return complete.error().with_context(path);
  return adapter;
}

Status Adapters::load(const std::string& name, const std::string& peft_folder) {
  if (find(name) != nullptr) return invalid_input("there is an adapter \"{}\" already", name);
  Adapter adapter = TRY(read_adapter(name, peft_folder));
  adapters_.emplace(name, std::move(adapter));
  return {};
}

Status Adapters::save(const std::string& name, const std::string& peft_folder) const {
  const Adapter* adapter = find(name);
  if (adapter == nullptr) return not_found("there is no adapter \"{}\"", name);
  TRY(make_directories(peft_folder));
  weights::LoraConfig config = adapter->config;
  std::vector<Tensor> kept;  // the views point into these
  std::vector<weights::TensorView> views;
  for (const Parameter& parameter : parameters(name)) {
    kept.push_back(parameter.tensor.detach().to(at::kCPU, at::kFloat).contiguous());
    views.push_back(view_of(parameter.name, kept.back()));
  }
  for (const auto& [path, pair] : adapter->pairs) {
    if (modules_.at(path).transposed) config.fan_in_fan_out = true;
  }
  TRY(weights::write_safetensors(join_path(peft_folder, kWeightsName), views, {{"format", "pt"}}));
  return write_file(join_path(peft_folder, kConfigName), weights::to_json(config).dump(2) + "\n");
}

}  // namespace attune::engine::nn
