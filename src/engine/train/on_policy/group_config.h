// From a run's configuration to a GroupSetup (group_method.h): the options of the tables rloo, grpo
// and reinforce_plus_plus.
#pragma once

#include "base/json.h"
#include "base/result.h"
#include "engine/train/on_policy/group_method.h"
#include "engine/train/training_options.h"

namespace attune::engine::train {

// How TRL's numbers of answers become prompts of a step. A step is what is sampled at once; where
// that is more than per_device_train_batch_size x gradient_accumulation_steps, or num_iterations is
// above 1, it has several updates.
struct GroupShape {
  int64_t prompts = 1;  // of a step
  int64_t updates = 1;  // of one pass over the answers
};
// Errors name the options whose numbers do not divide.
Result<GroupShape> read_group_shape(const Json& config, const BatchOptions& batch);

// What also needs the model (adapters, stop ids, the reference) is left to the caller.
Result<GroupSetup> read_group_setup(const Json& config, GroupAlgorithm algorithm,
                                    const TrainingOptions& options);

}  // namespace attune::engine::train
