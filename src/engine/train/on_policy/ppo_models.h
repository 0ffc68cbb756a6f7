// Loading the roles of a PPO run (ppo_roles.h) and keeping its value model.
//
//   reference  what the run started from, or ref_model_name_or_path (frozen_policy.h)
//   value      value_source: separate (a trunk of its own, trained in full), adapter (a LoRA role
//              on the policy's trunk; needs use_peft) or head (on the policy's states); default
//              adapter with use_peft, else separate
//   its start  value_init: from_rm (the reward model's weights and head) or zero (the policy's
//              weights and a zero head); default from_rm where a reward model fits: one
//              with the policy's tokenizer, for adapter one that was learnt on its trunk
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "engine/train/on_policy/ppo_roles.h"
#include "engine/train/preferences/reference.h"
#include "engine/train/training_run.h"
#include "protocol/job.h"

namespace attune::engine::train {

// TRL's name of the option that names a reward model.
inline constexpr const char* kRewardModelOption = "reward_model_path";

struct PpoModels {
  ReferenceModel reference;  // what roles.reference refers to
  PpoRoles roles;
  // Writes the value model to value/ in the run directory: a model folder (separate), an adapter
  // folder (adapter), or value_head.safetensors (head).
  std::function<Status(const std::string& run_directory)> save_value;
};

// After run.load_model(). Errors name the option: a value role without LoRA, a start that does not
// fit the source, another tokenizer.
Result<PpoModels> load_ppo_models(const protocol::Job& job, TrainingRun& run);

}  // namespace attune::engine::train
