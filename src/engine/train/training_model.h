// The model of a training run: loaded in the right precision, with everything or an adapter
// trainable.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/models/decoder.h"
#include "engine/optim/optimizer.h"
#include "engine/tensor/precision.h"
#include "engine/train/plan.h"
#include "protocol/job.h"
#include "weights/lora_config.h"
#include "weights/model_files.h"

namespace attune::engine::train {

// The name of the adapter that trains.
inline constexpr const char* kTrainedAdapter = "default";

// fp32: a parameter's gradient and its two moments.
inline int64_t state_bytes_of(const optim::NamedTensor& parameter) {
  return parameter.tensor.numel() * 12;
}

struct TrainingModel {
  std::unique_ptr<models::Decoder> decoder;
  std::vector<std::string> adapters;            // the stack that trains; empty: all weights
  std::vector<optim::NamedTensor> parameters;   // what trains
  std::string dtype;                            // of the weights

  int64_t state_bytes() const;  // gradients and AdamW's moments
};

// What a run trains its model to be.
enum class ModelRole {
  kLanguageModel,
  kRewardModel,  // with a score head (models/score_head.h), which always trains
};

// How frozen weights are kept (models::LoadOptions), of quantize, load_in_8bit and load_in_4bit; ""
// for as they are.
Result<std::string> read_quantize(const Json& config);

// The LoRA configuration of lora_*; `base` is named in it when the configuration names no model.
Result<weights::LoraConfig> read_lora(const Json& config, const std::string& base);

// Reads use_peft, lora_*, read_quantize(), dtype, bf16 and seed. `dtype` of a stored plan wins when
// given.
// For a reward model also score_head_init. Errors name the option: quantize without use_peft,
// unknown targets, an adapter without use_peft.
Result<TrainingModel> load_training_model(const protocol::Job& job,
                                          const weights::ModelFiles& files, at::Device device,
                                          const std::string& planned_dtype,
                                          ModelRole role = ModelRole::kLanguageModel);

}  // namespace attune::engine::train
