// Adapters as PEFT folders (weights/lora_files.h).
#include "engine/nn/adapters.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "weights/lora_files.h"
#include "weights/quant_blocks.h"

namespace attune::engine::nn {
namespace {

Tensor matrix_of(const std::vector<float>& values, int64_t rows, int64_t columns) {
  Tensor tensor = at::empty({rows, columns});
  std::copy(values.begin(), values.end(), tensor.data_ptr<float>());
  return tensor;
}

Result<Tensor> tensor_of(const weights::TensorView& view) {
  Tensor tensor = at::empty(view.shape);
  TRY(weights::to_float(view, {tensor.data_ptr<float>(), static_cast<size_t>(tensor.numel())}));
  return tensor;
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

Status check_fit(const std::string& path, const weights::LoraPair& pair,
                 const std::map<std::string, Adapters::ModuleSize>& modules) {
  auto module = modules.find(path);
  if (module == modules.end()) {
    return invalid_input(
        "this model has no linear layer \"{}\"; the adapter belongs to another one", path);
  }
  const Adapters::ModuleSize& size = module->second;
  if (pair.in == size.in && pair.out == size.out) return {};
  return invalid_input("module \"{}\" is made for {} inputs and {} outputs, but this model has {} "
                       "and {}; the adapter belongs to another one", path, pair.in, pair.out,
                       size.in, size.out);
}

}  // namespace

Result<Adapter> Adapters::read_adapter(const std::string& name,
                                       const std::string& peft_folder) const {
  weights::LoraAdapter files = TRY(weights::read_lora_folder(peft_folder));
  Adapter adapter{name, files.config, {}, {}};
  for (const auto& [tensor, view] : files.saved) {
    const auto shape = whole_shapes_.find(tensor);
    if (shape == whole_shapes_.end()) {
      return unsupported("{}: the adapter holds a whole tensor \"{}\" (modules_to_save); merge it "
                         "into the model first (attune model merge)", peft_folder, tensor);
    }
    if (view.shape != shape->second) {
      return invalid_input("{}: tensor \"{}\" has the shape {}, but this model needs {}",
                           peft_folder, tensor, weights::shape_text(view.shape),
                           weights::shape_text(shape->second));
    }
    adapter.whole[tensor] = TRY(tensor_of(view)).to(device_);
  }
  for (const auto& [path, pair] : files.pairs) {
    Status fit = check_fit(path, pair, modules_);
    if (!fit.ok()) return fit.error().with_context(peft_folder);
    LoraPair& read = adapter.pairs[path];
    read.a = matrix_of(pair.a, pair.rank, pair.in).to(device_);
    read.b = matrix_of(pair.b, pair.out, pair.rank).to(device_);
    read.scale = weights::module_scale(adapter.config, path);
    read.dropout = adapter.config.lora_dropout;
  }
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
  weights::LoraConfig config = adapter->config;
  for (const auto& [path, pair] : adapter->pairs) {
    if (modules_.at(path).transposed) config.fan_in_fan_out = true;
  }
  std::vector<Tensor> kept;  // the views point into these
  std::vector<weights::TensorView> views;
  for (const Parameter& parameter : parameters(name)) {
    kept.push_back(parameter.tensor.detach().to(at::kCPU, at::kFloat).contiguous());
    views.push_back(view_of(parameter.name, kept.back()));
  }
  return weights::write_lora_folder(peft_folder, config, views);
}

}  // namespace attune::engine::nn
