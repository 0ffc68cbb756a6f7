#include "engine/models/save.h"

#include <algorithm>
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

// What Transformers needs to read a classifier: num_labels comes from id2label. A pad token that is
// also an end of sequence goes: Transformers would look for the last other token and read the score
// before the end; without one it reads the last token, and refuses padded batches.
void describe_labels(const DecoderConfig& decoder, Json& config) {
  config.erase("num_labels");
  if (const Json* names = find(config, "id2label");
      names == nullptr || static_cast<int64_t>(names->size()) != decoder.labels) {
    config["id2label"] = Json::object();
    config["label2id"] = Json::object();
    for (int64_t label = 0; label < decoder.labels; ++label) {
      const std::string name = fmt::format("LABEL_{}", label);
      config["id2label"][std::to_string(label)] = name;
      config["label2id"][name] = label;
    }
  }
  const Json* pad = find(config, "pad_token_id");
  const Json* eos = find(config, "eos_token_id");
  if (pad == nullptr || eos == nullptr) return;
  const Json ends = eos->is_array() ? *eos : Json::array({*eos});
  if (std::find(ends.begin(), ends.end(), *pad) != ends.end()) config["pad_token_id"] = nullptr;
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
  if (decoder.config().head == HeadKind::kScore) describe_labels(decoder.config(), folder.config);
  for (const nn::Parameter& parameter : decoder.parameters().all()) {
    folder.tensors.push_back({parameter.name, element.stored, parameter.tensor.sizes().vec()});
  }
  auto source = [&](const weights::TensorSpec& spec, const weights::ByteSink& sink) {
    return write_parameter(decoder, spec, options.dtype, sink);
  };
  return weights::write_model_folder(path, folder, source);
}

}  // namespace attune::engine::models
