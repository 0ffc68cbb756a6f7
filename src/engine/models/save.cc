#include "engine/models/save.h"

#include <span>
#include <vector>

#include "base/file.h"
#include "weights/safetensors_writer.h"

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

Status write_weights(Decoder& decoder, const std::string& path, at::ScalarType dtype,
                     weights::DType stored) {
  std::vector<weights::TensorSpec> specs;
  for (const nn::Parameter& parameter : decoder.parameters().all()) {
    specs.push_back({parameter.name, stored, parameter.tensor.sizes().vec()});
  }
  auto writer = TRY(weights::SafetensorsWriter::create(path, specs, {{"format", "pt"}}));
  for (const weights::TensorSpec& spec : writer->order()) {
    const Tensor* parameter = decoder.parameters().find(spec.name);
    Tensor tensor = parameter->detach().to(at::kCPU, dtype).contiguous();
    const auto* bytes = static_cast<const uint8_t*>(tensor.const_data_ptr());
    TRY(writer->append(std::span<const uint8_t>(bytes, tensor.nbytes())));
  }
  return writer->finish();
}

}  // namespace

Status save_decoder(Decoder& decoder, const Json& config, const std::string& folder,
                    const SaveOptions& options) {
  if (decoder.is_quantized()) {
    return unsupported("{}: the base model is held in 8- or 4-bit blocks, which a model folder "
                       "cannot hold; save the adapter, or load without quantising", folder);
  }
  Element element = TRY(element_of(options.dtype));
  TRY(make_directories(folder));
  TRY(write_weights(decoder, join_path(folder, "model.safetensors"), options.dtype,
                    element.stored));
  Json written = config;
  written.erase("torch_dtype");
  written["dtype"] = element.config_name;
  written["architectures"] = {decoder.config().architecture};
  written["tie_word_embeddings"] = decoder.config().tied_head;
  return write_file(join_path(folder, "config.json"), written.dump(2) + "\n");
}

}  // namespace attune::engine::models
