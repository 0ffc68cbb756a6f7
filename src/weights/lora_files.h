// PEFT LoRA folders: adapter_config.json and adapter_model.safetensors with the keys
// base_model.model.<module path>.lora_A.weight [r, in] and lora_B.weight [out, r], and
// base_model.model.<module path>.weight for modules that were saved whole (peft 0.21).
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "weights/lora_config.h"
#include "weights/safetensors.h"

namespace attune::weights {

// The pair of one module; values in fp32, row-major.
struct LoraPair {
  std::vector<float> a;  // [rank, in]
  std::vector<float> b;  // [out, rank]
  int64_t rank = 0;
  int64_t in = 0;
  int64_t out = 0;
};

struct LoraAdapter {
  LoraConfig config;
  std::map<std::string, LoraPair> pairs;    // by module path, "model.layers.0.self_attn.q_proj"
  std::map<std::string, TensorView> saved;  // whole tensors, "score.weight"
  SafetensorsFile file;                     // keeps what `saved` points into
};

// Whether the folder is an adapter: it has adapter_config.json, and no weights of a whole model
// (beside which one may have been left over; a config.json alone makes no model).
bool is_lora_folder(const std::string& path);

// The base model that an adapter's folder names, as it names it.
struct NamedBase {
  std::string name;      // a path, or owner/name of a hub
  std::string revision;  // of a hub's model; "" for its main branch
};
// Errors: no adapter_config.json that can be read, or none that names a base.
Result<NamedBase> named_base_of(const std::string& adapter_folder);

// A model on the disk: a folder or GGUF file, and the folder of an adapter on top of it, or "".
struct ModelPlace {
  std::string model;
  std::string adapter = "";
};
// What a local path loads: an adapter's folder stands for its base with itself on top, anything
// else for itself. Errors: those of named_base_of, and a base that is no local path.
Result<ModelPlace> model_place(const std::string& path);

// Errors name file, key and tensor: what lora_config_from_json refuses; keys of other adapter
// kinds; a matrix without its partner; ranks that differ from the config.
Result<LoraAdapter> read_lora_folder(const std::string& path);

// Writes both files; `tensors` have PEFT's names. The folder appears whole or not at all.
Status write_lora_folder(const std::string& path, const LoraConfig& config,
                         std::span<const TensorView> tensors);

}  // namespace attune::weights
