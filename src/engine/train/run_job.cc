#include "engine/train/run_job.h"

#include <array>
#include <string_view>

namespace attune::engine::train {
namespace {

struct Trainer {
  std::string_view recipe;
  Status (*run)(const protocol::Job& job);
};

constexpr std::array kTrainers = {
    Trainer{"sft", run_sft},
    Trainer{"dpo", run_dpo},
    Trainer{"reward", run_reward},
    Trainer{"hindsight", run_hindsight},
    Trainer{"orpo", run_reference_free},
    Trainer{"cpo", run_reference_free},
    Trainer{"simpo", run_reference_free},
    Trainer{"kto", run_unpaired},
    Trainer{"bco", run_unpaired},
    Trainer{"dove", run_dove},
    Trainer{"ppo", run_ppo},
    Trainer{"rloo", run_rloo},
    Trainer{"grpo", run_grpo},
    Trainer{"reinforce_plus_plus", run_reinforce_plus_plus},
    Trainer{"online_dpo", run_online_dpo},
    Trainer{"spin", run_spin},
};

}  // namespace

Status run_job(const protocol::Job& job) {
  std::string known;
  for (const Trainer& trainer : kTrainers) {
    if (job.recipe == trainer.recipe) return trainer.run(job);
    known += (known.empty() ? "" : ", ") + std::string(trainer.recipe);
  }
  return unsupported("recipe: {} is not available in this engine; use one of {}", job.recipe,
                     known);
}

}  // namespace attune::engine::train
