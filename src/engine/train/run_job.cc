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
