#include "engine/models/save.h"

#include <span>

#include "base/check.h"
#include "weights/model_folder_writer.h"

namespace attune::engine::models {
namespace {

struct Element {
  weights::DType stored;
  const char* config_name;
};

Result<Element> element_of(at::ScalarType dtype) {
  if (dtype == at::kFloat) return Element{weights::DType::kF32, "float32"};
  if (dtype == at::kBFloat16) return Element{weights::DType::kBF16, "bfloat16"};
  if (dtype == at::kHalf) return Element{weights::DType::kF16, "float16"};
  return unsupported("weights are saved as float32, bfloat16 or float16");
}

// Hands out one parameter's bytes in the saved type.
Status write_parameter(Decoder& decoder, const weights::TensorSpec& spec, at::ScalarType dtype,
                       const weights::ByteSink& sink) {
  const Tensor* parameter = decoder.parameters().find(spec.name);
  CHECK(parameter != nullptr, "no parameter {}", spec.name);
  Tensor tensor = parameter->detach().to(at::kCPU, dtype).contiguous();
  const auto* bytes = static_cast<const uint8_t*>(tensor.const_data_ptr());
  return sink(std::span<const uint8_t>(bytes, tensor.nbytes()));
}

}  // namespace

Status save_decoder(Decoder& decoder, const weights::ModelFiles& like, const std::string& path,
                    const SaveOptions& options) {
  if (decoder.is_quantized()) {
    return unsupported("{}: the base model is held in 8- or 4-bit blocks, which a model folder "
                       "cannot hold; save the adapter, or load without quantising", path);
  }
  Element element = TRY(element_of(options.dtype));
  weights::ModelFolder folder = TRY(weights::folder_like(like));
  folder.config.erase("torch_dtype");
  folder.config["dtype"] = element.config_name;
  folder.config["architectures"] = Json::array({decoder.config().architecture});
  folder.config["tie_word_embeddings"] = decoder.config().tied_head;
  for (const nn::Parameter& parameter : decoder.parameters().all()) {
    folder.tensors.push_back({parameter.name, element.stored, parameter.tensor.sizes().vec()});
  }
  auto source = [&](const weights::TensorSpec& spec, const weights::ByteSink& sink) {
    return write_parameter(decoder, spec, options.dtype, sink);
  };
  return weights::write_model_folder(path, folder, source);
}

}  // namespace attune::engine::models
