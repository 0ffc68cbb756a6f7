#include "engine/train/on_policy/frozen_policy.h"

namespace attune::engine::train {

Result<ReferenceModel> open_start(const protocol::Job& job, TrainingRun& run) {
  const bool other = job.models.contains(kReferenceOption);
  if (run.adapters().empty() && !other) return ReferenceModel::copy_of_start(job, run);
  return ReferenceModel::open(job, run);
}

FrozenPolicy frozen(ReferenceModel& reference) {
  return {&reference.decoder(), reference.stack()};
}

}  // namespace attune::engine::train
