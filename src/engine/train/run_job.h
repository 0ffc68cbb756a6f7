// A training job from its file to its run directory: the `train` mode of attune-engine.
//
// Fills the run directory of design §3 but for config.yaml and report.html: data_report.json,
// events.jsonl, TensorBoard files, checkpoints/, final/, lineage.json. kCancelled when a signal
// stopped the run (a checkpoint was written). Not thread-safe; sets the process's threads and
// signal handlers.
#pragma once

#include <string>

#include "base/result.h"
#include "protocol/job.h"

namespace attune::engine::train {

// Dispatches on job.recipe.
Status run_job(const protocol::Job& job);

Status run_sft(const protocol::Job& job);
Status run_dpo(const protocol::Job& job);
Status run_reward(const protocol::Job& job);
Status run_hindsight(const protocol::Job& job);
Status run_reference_free(const protocol::Job& job);  // orpo, cpo, simpo
Status run_unpaired(const protocol::Job& job);        // kto, bco
Status run_dove(const protocol::Job& job);
Status run_ppo(const protocol::Job& job);
Status run_rloo(const protocol::Job& job);
Status run_grpo(const protocol::Job& job);
Status run_reinforce_plus_plus(const protocol::Job& job);
Status run_online_dpo(const protocol::Job& job);
Status run_spin(const protocol::Job& job);

}  // namespace attune::engine::train
