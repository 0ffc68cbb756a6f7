#include "engine/train/run_job.h"

#include <array>
#include <string_view>

namespace attune::engine::train {
namespace {

struct RecipeRun {
  std::string_view recipe;
  Status (*run)(const protocol::Job& job);
};

constexpr std::array kRecipeRuns = {
    RecipeRun{"sft", run_sft},
    RecipeRun{"dpo", run_dpo},
    RecipeRun{"reward", run_reward},
    RecipeRun{"hindsight", run_hindsight},
    RecipeRun{"orpo", run_reference_free},
    RecipeRun{"cpo", run_reference_free},
    RecipeRun{"simpo", run_reference_free},
    RecipeRun{"kto", run_unpaired},
    RecipeRun{"bco", run_unpaired},
    RecipeRun{"dove", run_dove},
    RecipeRun{"ppo", run_ppo},
    RecipeRun{"rloo", run_rloo},
    RecipeRun{"grpo", run_grpo},
    RecipeRun{"reinforce_plus_plus", run_reinforce_plus_plus},
    RecipeRun{"online_dpo", run_online_dpo},
    RecipeRun{"spin", run_spin},
};

}  // namespace

Status run_job(const protocol::Job& job) {
  std::string known;
  for (const RecipeRun& entry : kRecipeRuns) {
    if (job.recipe == entry.recipe) return entry.run(job);
    known += (known.empty() ? "" : ", ") + std::string(entry.recipe);
  }
  return unsupported("recipe: {} is not available in this engine; use one of {}", job.recipe,
                     known);
}

}  // namespace attune::engine::train
