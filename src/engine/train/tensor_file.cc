#include "engine/train/tensor_file.h"

#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>

#include <cstring>

#include "weights/safetensors.h"
#include "weights/safetensors_writer.h"

namespace attune::engine::train {
namespace {

weights::DType stored_type(at::ScalarType type) {
  switch (type) {
    case at::kFloat: return weights::DType::kF32;
    case at::kHalf: return weights::DType::kF16;
    case at::kBFloat16: return weights::DType::kBF16;
    case at::kLong: return weights::DType::kI64;
    default: break;
  }
  CHECK(false, "tensor type {} in a checkpoint", static_cast<int>(type));
}

Result<at::ScalarType> tensor_type(weights::DType type) {
  switch (type) {
    case weights::DType::kF32: return at::kFloat;
    case weights::DType::kF16: return at::kHalf;
    case weights::DType::kBF16: return at::kBFloat16;
    case weights::DType::kI64: return at::kLong;
    default: break;
  }
  return unsupported("a tensor type that checkpoints do not have");
}

Result<Tensor> copy_of(const weights::TensorView& view) {
  const at::ScalarType type = TRY(tensor_type(view.dtype));
  Tensor tensor = at::empty(view.shape, at::TensorOptions().dtype(type));
  if (view.bytes > 0) std::memcpy(tensor.data_ptr(), view.data, view.bytes);
  return tensor;
}

}  // namespace

Status save_tensors(const std::string& path, const std::vector<optim::NamedTensor>& tensors) {
  std::vector<Tensor> kept;  // contiguous CPU memory behind the views
  std::vector<weights::TensorView> views;
  for (const optim::NamedTensor& named : tensors) {
    kept.push_back(named.tensor.detach().to(at::kCPU).contiguous());
    const Tensor& tensor = kept.back();
    views.push_back({named.name, stored_type(tensor.scalar_type()), tensor.sizes().vec(),
                     static_cast<const uint8_t*>(tensor.const_data_ptr()), tensor.nbytes()});
  }
  return weights::write_safetensors(path, views, {{"format", "pt"}});
}

Result<std::map<std::string, Tensor>> load_tensors(const std::string& path) {
  const weights::SafetensorsFile file = TRY(weights::SafetensorsFile::open(path));
  std::map<std::string, Tensor> tensors;
  for (const weights::TensorView& view : file.tensors()) tensors[view.name] = TRY(copy_of(view));
  return tensors;
}

Status load_into(const std::string& path, const std::vector<optim::NamedTensor>& tensors) {
  c10::NoGradGuard no_grad;
  const weights::SafetensorsFile file = TRY(weights::SafetensorsFile::open(path));
  for (const optim::NamedTensor& named : tensors) {
    const weights::TensorView* view = file.find(named.name);
    if (view == nullptr || view->shape != named.tensor.sizes().vec()) {
      return invalid_input("{}: {} is {}; the checkpoint belongs to another model", path,
                           named.name, view == nullptr ? "missing" : "of another shape");
    }
    named.tensor.copy_(TRY(copy_of(*view)));
  }
  return {};
}

}  // namespace attune::engine::train
