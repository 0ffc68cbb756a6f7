// The reference of on-policy methods: it is asked about answers that do not exist before the run,
// so it is held beside the policy (reference.h): the adapters' start on the shared trunk, or a
// second set of weights where all of them train.
#pragma once

#include "engine/train/on_policy/group_method.h"
#include "engine/train/preferences/reference.h"
#include "engine/train/training_run.h"
#include "protocol/job.h"

namespace attune::engine::train {

// After run.load_model() and before run.train(). Another model where ref_model_name_or_path names
// one.
Result<ReferenceModel> open_start(const protocol::Job& job, TrainingRun& run);

FrozenPolicy frozen(ReferenceModel& reference);

}  // namespace attune::engine::train
